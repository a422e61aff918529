import { expect, it } from 'vitest'
import { ConfigError } from '../../engine/errors.ts'
import { mondaySource } from './source.ts'

const nothing = () => Promise.resolve({})
const store = {
  read: nothing,
  write: () => Promise.resolve(),
  readSecrets: nothing,
  writeSecret: () => Promise.resolve(),
  remove: () => Promise.resolve(),
  countCalls: () => Promise.resolve({ calls: 0, rejected: 0 }),
  noteCalls: () => Promise.resolve(),
}
const make = (timeoutMs: number) =>
  mondaySource({ token: 'x', boards: [], audience: () => undefined, timeoutMs }, store)

it.each([60_001, 0, -1, Number.NaN])(
  'a call may not take %s ms: said at once, not with each call',
  (timeoutMs) => {
    expect(() => make(timeoutMs)).toThrow(ConfigError)
    expect(() => make(timeoutMs)).toThrow(/timeoutMs.*at most 60000/)
  },
)

it('a minute is the longest', () => {
  expect(make(60_000).vendor).toBe('monday')
})
