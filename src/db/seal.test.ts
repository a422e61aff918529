import { expect, it } from 'vitest'
import { ConfigError } from '../engine/errors.ts'
import { createSeal } from './seal.ts'

const seal = createSeal('a key of some length')

it('opens what it sealed, and shows nothing of it', () => {
  const sealed = seal.seal('9|token', 'portal token send/37')
  expect(sealed).not.toContain('token')
  expect(seal.open(sealed, 'portal token send/37')).toBe('9|token')
  expect(seal.seal('9|token', 'portal token send/37')).not.toBe(sealed)
})

it.each([
  ['another key', createSeal('another key, as long'), 'portal token send/37', (text: string) => text],
  ['another place', seal, 'portal token send/38', (text: string) => text],
  ['a changed letter', seal, 'portal token send/37', (text: string) => `${text.slice(0, -2)}AA`],
])('refuses %s, and says which key is needed', (_what, other, place, change) => {
  const sealed = seal.seal('9|token', 'portal token send/37')
  expect(() => other.open(change(sealed), place)).toThrow(ConfigError)
  expect(() => other.open(change(sealed), place)).toThrow(/LOCKSTEP_ENCRYPTION_KEY/)
})
