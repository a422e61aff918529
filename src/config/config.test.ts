import { expect, it } from 'vitest'
import type { App } from '../apps/contract.ts'
import { type Config, defineConfig } from './config.ts'

const app = { name: 'tasks' } as App
const define = (more: Partial<Config>) => (): Config => defineConfig({ apps: [app], ...more })

it.each([
  [{ deltaCron: 'every hour' }, /deltaCron is "every hour": five fields are needed/],
  [{ sweepCron: '61 2 * * *' }, /sweepCron is "61 2 \* \* \*": it is no cron expression/],
  [{ sweepCron: '0 0 31 2 *' }, /it is no cron expression/],
  [{ deltaCron: '0 */5 * * * *' }, /five fields are needed/],
  [
    { verifyCron: '*/20 * * * *' },
    /pauses for 20 minutes, where at the most 15 make sense: a verification goes on/,
  ],
  [{ verifyCron: '0-30/10 * * * *' }, /pauses for 30 minutes/],
  [{ verifyCron: '*/10 8-18 * * *' }, /pauses for 790 minutes/],
  [{ verifyCron: '*/5 * * * 1-5' }, /pauses for 2885 minutes/],
  [
    { apps: [{ ...app, jobs: [{ name: 'nightly', cron: '0 24 * * *' }] }] },
    /the job "nightly" of the app "tasks"/,
  ],
] as [Partial<Config>, RegExp][])('refuses %o and says what is wrong', (more, message) => {
  expect(define(more)).toThrow(message)
})

it('takes schedules that make sense', () => {
  const crons = { deltaCron: '* * * * *', sweepCron: '20 2 * * MON', verifyCron: '*/15 * * * *' }
  expect(define(crons)()).toMatchObject(crons)
})

it('tells all that is wrong in one message', () => {
  const apps = [app, app, { name: 'Tasks!' } as App]
  expect(define({ apps, deltaCron: 'hourly', verifyCron: '0 * * * *' })).toThrow(
    /Tasks!(.|\n)*two apps are called "tasks"(.|\n)*deltaCron(.|\n)*verifyCron/,
  )
})
