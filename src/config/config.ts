import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { App } from '../apps/contract.ts'
import { ConfigError } from '../engine/errors.ts'
import { type CronLimit, cronProblem } from './cron.ts'

/** What `lockstep.config.ts` exports. */
export interface Config {
  readonly apps: readonly App[]
  /** Days that settled webhook events are kept; default 30. */
  readonly keepEventsDays?: number
  /** Days that the history of runs is kept; default 730. */
  readonly keepRunsDays?: number
  /** Cron of the delta of every app, UTC; default every 15 minutes. */
  readonly deltaCron?: string
  /** Cron of the full sweep of every app, UTC; default daily at 02:20. */
  readonly sweepCron?: string
  /** Cron of the slices in which every app is verified and repaired, UTC; default every 10 minutes. */
  readonly verifyCron?: string
  /** Days that the text of a sent message is kept; default 90. */
  readonly keepNotificationsDays?: number
  /**
   * Purpose → Slack incoming webhook: `alerts`, `summary`, `leads`, `replies`, `team`. What has none is not sent.
   * Default: SLACK_WEBHOOK_ALERTS and so on.
   */
  readonly slack?: Readonly<Record<string, string | undefined>>
  /** App → share of its rows that may differ before a verification reads a table anew; default 0.05. */
  readonly driftTolerance?: Readonly<Record<string, number>>
}

const VERIFY: CronLimit = {
  gapMaxMs: 15 * 60_000,
  why: 'a verification goes on slice by slice, and must end while the vendor still knows where it stands',
}

const NAME = /^[a-z][a-z0-9-]{0,30}$/

/** Checks a configuration; for the default export of `lockstep.config.ts`. Throws a ConfigError. */
export function defineConfig(config: Config): Config {
  if (!Array.isArray(config.apps) || config.apps.length === 0) {
    throw new ConfigError('the configuration needs at least one app in "apps"')
  }
  const problems = [...nameProblems(config.apps), ...cronProblems(config)]
  if (problems.length > 0) {
    throw new ConfigError(
      `the configuration is wrong:\n- ${problems.join('\n- ')}\nSee docs/configuration.md`,
    )
  }
  return config
}

function nameProblems(apps: readonly App[]): string[] {
  const names = apps.map(({ name }) => name)
  const twice = new Set(names.filter((name, i) => names.indexOf(name) < i))
  return [
    ...names
      .filter((name) => !NAME.test(name))
      .map((name) => `app name "${name}": use a-z, 0-9 and -, beginning with a letter`),
    ...[...twice].map((name) => `two apps are called "${name}"`),
  ]
}

function cronProblems({ apps, deltaCron, sweepCron, verifyCron }: Config): string[] {
  const jobs = apps.flatMap(({ name, jobs: own = [] }) =>
    own.map((job) => cronProblem(`the job "${job.name}" of the app "${name}"`, job.cron)),
  )
  return [
    cronProblem('deltaCron', deltaCron),
    cronProblem('sweepCron', sweepCron),
    cronProblem('verifyCron', verifyCron, VERIFY),
    ...jobs,
  ].filter((problem) => problem !== undefined)
}

export const CONFIG_FILE = 'lockstep.config.ts'

/** Loads a configuration file. Throws a ConfigError that says what to do where there is none or it is broken. */
export async function loadConfig(file: string = CONFIG_FILE): Promise<Config> {
  const path = resolve(file)
  if (!existsSync(path)) {
    throw new ConfigError(`there is no ${file} here. Make one with "lockstep init", or try "lockstep demo"`)
  }
  let module: { default?: unknown }
  try {
    module = (await import(pathToFileURL(path).href)) as { default?: unknown }
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause
    throw new ConfigError(`${file} cannot be loaded`, { cause })
  }
  if (typeof module.default !== 'object' || module.default === null || !('apps' in module.default)) {
    throw new ConfigError(`${file} must export defineConfig({ apps: [...] }) as its default`)
  }
  return defineConfig(module.default as Config)
}
