import { expect, inject, it } from 'vitest'
import { allMigrations } from '../../src/apps/migrations.ts'
import { Database } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { databaseUrl, dropDatabase, onServer } from '../support/database.ts'

const BEFORE = 'engine/0007'

it('an inbox of the time when it was one table keeps its events, and every view of it', async () => {
  const name = `lockstep_split_${process.pid}`
  await onServer(inject('adminUrl'), `create database ${name}`)
  const db = new Database({ url: databaseUrl(inject('postgresUrl'), name) })
  try {
    const all = await allMigrations()
    await migrate(
      db,
      all.filter(({ id }) => !id.startsWith('engine/') || id < BEFORE),
    )
    await db.query(
      `insert into lockstep.inbox (app, dedupe_key, event_type, stream, status, attempts, error, outcome, processing_ms, headers, body, payload)
       select 'portal', 'k' || n, 'email_sent', 'send/1', status, n, error, outcome, case when outcome is not null then 5 end, '{"a":"b"}', '{"n":1}', '{"n":1}'
       from (values (0, 'pending', null, null), (1, 'pending', 'once in vain', null), (2, 'processed', null, 'applied'),
         (8, 'dead', 'of no use', null)) as v (n, status, error, outcome)`,
    )
    const grants = `select table_name, privilege_type, grantee from information_schema.role_table_grants
      where table_name in ('webhook_delivery_log', 'webhook_health', 'webhook_events') and grantee <> current_user
      order by 1, 2, 3`
    const seen = `select event_type, status, success, error_message, processing_time_ms, payload, retry_count
      from webhook_delivery_log order by id`
    const [grantsBefore, seenBefore] = [(await db.query(grants)).rows, (await db.query(seen)).rows]
    expect(seenBefore).toHaveLength(4)
    await migrate(db, all)
    expect((await db.query(seen)).rows).toEqual(seenBefore)
    expect((await db.query(grants)).rows).toEqual(grantsBefore)
    expect(
      (
        await db.query(
          'select dedupe_key as key, status, attempts, error, outcome, payload, headers from lockstep.inbox order by id',
        )
      ).rows,
    ).toMatchObject([
      { key: 'k0', status: 'pending', attempts: 0 },
      { key: 'k1', status: 'pending', attempts: 1, error: 'once in vain' },
      {
        key: 'k2',
        status: 'processed',
        attempts: 2,
        outcome: 'applied',
        payload: { n: 1 },
        headers: { a: 'b' },
      },
      { key: 'k8', status: 'dead', attempts: 8, error: 'of no use' },
    ])
  } finally {
    await db.close()
    await dropDatabase(inject('adminUrl'), name)
  }
})
