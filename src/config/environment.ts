import { z } from 'zod'
import { ConfigError } from '../engine/errors.ts'

const port = z.coerce.number().int().min(0).max(65_535)
const flag = z.stringbool({ truthy: ['1', 'true', 'yes', 'on'], falsy: ['0', 'false', 'no', 'off', ''] })

const hook = z.url({ protocol: /^https?$/ }).optional()

/** Settings that come from the environment; what each does is in docs/configuration.md. */
const schema = z.object({
  PORT: port.default(4100),
  HOST: z.string().min(1).default('127.0.0.1'),
  LOCKSTEP_PUBLIC_URL: z.url({ protocol: /^https?$/ }).optional(),
  LOCKSTEP_HOME: z.string().min(1).optional(),
  LOCKSTEP_CONFIG: z.string().min(1).optional(),
  LOCKSTEP_API_KEY: z.string().min(16, 'use at least 16 characters').optional(),
  LOCKSTEP_ENCRYPTION_KEY: z.string().min(16, 'use at least 16 characters').optional(),
  LOCKSTEP_TRUST_PROXY: flag.default(false),
  LOCKSTEP_LOG: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  LOCKSTEP_POOL: z.coerce.number().int().min(2).max(200).default(10),
  SLACK_WEBHOOK_ALERTS: hook,
  SLACK_WEBHOOK_SUMMARY: hook,
  SLACK_WEBHOOK_LEADS: hook,
  SLACK_WEBHOOK_REPLIES: hook,
  SLACK_WEBHOOK_TEAM: hook,
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
})

export interface Settings {
  readonly port: number
  readonly host: string
  readonly publicUrl: string | undefined
  readonly home: string | undefined
  readonly configFile: string | undefined
  readonly apiKey: string | undefined
  /** Seals the vendors' secrets that are kept in the database. */
  readonly encryptionKey: string | undefined
  readonly trustProxy: boolean
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
  readonly poolSize: number
  readonly databaseUrl: string | undefined
  /** Purpose → Slack incoming webhook. */
  readonly slack: Readonly<Record<string, string | undefined>>
}

/** Reads and checks the environment. Throws a ConfigError that names every variable that is wrong. */
export function readSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  // An empty variable is an unset one: that is how people switch a line of .env off.
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  )
  const parsed = schema.safeParse(given)
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
    throw new ConfigError(`the environment is wrong:\n- ${problems.join('\n- ')}\nSee docs/configuration.md`)
  }
  const e = parsed.data
  return {
    port: e.PORT,
    host: e.HOST,
    publicUrl: e.LOCKSTEP_PUBLIC_URL?.replace(/\/+$/, ''),
    home: e.LOCKSTEP_HOME,
    configFile: e.LOCKSTEP_CONFIG,
    apiKey: e.LOCKSTEP_API_KEY,
    encryptionKey: e.LOCKSTEP_ENCRYPTION_KEY,
    trustProxy: e.LOCKSTEP_TRUST_PROXY,
    logLevel: e.LOCKSTEP_LOG,
    poolSize: e.LOCKSTEP_POOL,
    databaseUrl: e.DATABASE_URL,
    slack: {
      alerts: e.SLACK_WEBHOOK_ALERTS,
      summary: e.SLACK_WEBHOOK_SUMMARY,
      leads: e.SLACK_WEBHOOK_LEADS,
      replies: e.SLACK_WEBHOOK_REPLIES,
      team: e.SLACK_WEBHOOK_TEAM,
    },
  }
}

/** Whether an address is reachable from this machine alone. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '')
  return (
    bare === 'localhost' || bare === '::1' || /^127\.\d+\.\d+\.\d+$/.test(bare) || bare.endsWith('.localhost')
  )
}
