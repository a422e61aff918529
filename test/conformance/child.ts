import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Database } from '../../src/db/database.ts'
import { syncApp } from '../../src/lanes/sync.ts'
import { conformingApp, openApp } from './open.ts'
import type { Subject, SubjectSettings } from './subject.ts'

/** A process of its own that makes a full pass, to be killed amid it. */
const { vendor, databaseUrl, settings } = JSON.parse(process.argv[2] ?? '{}') as {
  vendor: string
  databaseUrl: string
  settings: Omit<SubjectSettings, 'clock'>
}
const module = (await import(`./subjects/${vendor}.ts`)) as Readonly<Record<string, Subject>>
const subject = Object.values(module).find((one) => one.vendor === vendor)
if (subject === undefined) throw new Error(`subjects/${vendor}.ts exports no subject of this name`)
const folder = await mkdtemp(join(tmpdir(), 'lockstep-conformance-'))
const db = new Database({ url: databaseUrl, applicationName: 'lockstep-conformance-child' })
const pipeline = await openApp(db, conformingApp(subject, { ...settings, clock: undefined }, folder))
const { failures } = await syncApp(db, pipeline, { signal: AbortSignal.timeout(60_000), full: true })
console.log(JSON.stringify(failures))
await db.close()
