import { expect, test } from 'vitest'
import { insertEvents } from '../support/inbox.ts'
import { CLIENTS, withProject, withSyncedProject } from './support/folder.ts'

interface Report {
  ok: boolean
  errors: number
  checks: { name: string; level: string; detail: string; remedy?: string }[]
}

test('doctor is content with a good installation, and names what could be better', async () => {
  await withSyncedProject(async ({ folder, db }) => {
    await insertEvents(db, [{ app: 'monday', key: 'a', status: 'dead' }])
    const { code, stdout } = await folder.cli('doctor')
    expect(code).toBe(0)
    expect(stdout).toMatch(/✓ monday: monday +the token works/)
    expect(stdout).toMatch(/! monday: webhooks +7 of 7 are missing[\s\S]+lockstep webhooks register monday/)
    expect(stdout).toMatch(/! monday: dead letters +1 events/)
    expect(stdout).toContain('0 errors, 3 warnings.')
  }, CLIENTS)
})

test('doctor finds each failure and goes on behind it', async () => {
  await withSyncedProject(async ({ folder, db }) => {
    await db.query('alter table public.clients drop column tier')
    const broken = await folder.json<Report>('doctor', {
      MONDAY_TOKEN: 'nonsense',
      MONDAY_WEBHOOK_SECRET: '',
    })
    const level = (name: string): string | undefined =>
      broken.checks.find((check) => check.name === name)?.level
    expect(broken.ok).toBe(false)
    expect(level('monday: tables')).toBe('error')
    expect(level('monday: monday')).toBe('error')
    expect(level('monday: budget')).toBe('ok')

    await folder.write('migrations/0002-more.sql', 'select 1;')
    const pending = await folder.cli('doctor')
    expect(pending).toMatchObject({ code: 1 })
    expect(pending.stdout).toContain('not applied: monday/0002-more')
    const unreachable = await folder.cli('doctor', { DATABASE_URL: 'postgres://x:y@127.0.0.1:1/z' })
    expect(unreachable).toMatchObject({ code: 1 })
    expect(unreachable.stdout).toMatch(/✗ database .*does not answer/)
    expect(unreachable.stdout).not.toContain('x:y')
  }, CLIENTS)
})

test('doctor without a configuration, or with a wrong environment, says so', async () => {
  await withProject(async ({ folder }) => {
    const none = await folder.cli('doctor')
    expect(none).toMatchObject({ code: 1 })
    expect(none.stdout).toMatch(/✗ configuration +there is no lockstep.config.ts here/)
    const wrong = await folder.cli('doctor', { PORT: 'many' })
    expect(wrong).toMatchObject({ code: 1 })
    expect(wrong.stdout).toMatch(/✗ environment .*PORT/s)
  })
})

test('webhooks are refused without an address, a guard, or an answer at that address', async () => {
  await withSyncedProject(async ({ folder }) => {
    const without = await folder.cli('webhooks register monday')
    expect(without).toMatchObject({ code: 2 })
    expect(without.stderr).toContain('LOCKSTEP_PUBLIC_URL')
    const env = await folder.read('.env')
    await folder.write('.env', env.replace(/^MONDAY_WEBHOOK_SECRET.*$/m, ''))
    const open = await folder.cli('webhooks register monday --url https://example.com')
    expect(open).toMatchObject({ code: 2 })
    expect(open.stderr).toContain('MONDAY_WEBHOOK_SECRET')
    await folder.write('.env', env)
    const silent = await folder.cli('webhooks register monday --url http://127.0.0.1:9')
    expect(silent).toMatchObject({ code: 1 })
    expect(silent.stdout).toContain('failed')
    expect(silent.stderr).toMatch(/is "lockstep up" running/)
    expect(silent.stdout + silent.stderr).not.toContain(/MONDAY_WEBHOOK_SECRET=(.*)/.exec(env)?.[1])
    expect((await folder.cli('webhooks list monday')).code).toBe(0)
  }, CLIENTS)
})
