import { LockstepError } from '../../../engine/errors.ts'
import type { EmailBison } from '../../../sources/email-bison/source.ts'
import type { Job } from '../../contract.ts'
import { checkHealth } from './run.ts'
import type { Thresholds } from './thresholds.ts'

/** A workspace that is read again may wait for its turn among the calls. */
const PATIENCE_MS = 20 * 60_000

/** The checks of every five minutes. */
export const healthJobs = (bison: () => EmailBison | undefined, thresholds: Thresholds): readonly Job[] => [
  {
    name: 'portal-health',
    cron: '*/5 * * * *',
    async run(db, now, context) {
      const source = bison()
      if (source === undefined) return
      const signal = AbortSignal.any([context.signal, AbortSignal.timeout(PATIENCE_MS)])
      await context.pipeline.source.prepare({ fresh: false, signal })
      const input = { db, now, thresholds, bison: source, context: { ...context, signal } }
      const unmade = (await checkHealth(input)).filter(({ error }) => error !== undefined)
      if (unmade.length > 0)
        throw new LockstepError(unmade.map(({ name, detail }) => `${name} ${detail}`).join('; '))
    },
  },
]
