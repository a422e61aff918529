import { ConfigError } from '../engine/errors.ts'

/** The options of `lockstep sync`, as the command line gives them. */
export interface SyncFlags {
  readonly full?: boolean
  readonly fresh?: boolean
  readonly table?: readonly string[]
  readonly limit?: number
  readonly dryRun?: boolean
  readonly json?: boolean
}

/** Throws a ConfigError where `--table` names one that the app does not have. */
export function checkTableNames(
  streams: readonly { readonly table: string }[],
  wanted: readonly string[] | undefined,
): void {
  const known = [...new Set(streams.map((stream) => stream.table))]
  for (const name of wanted ?? []) {
    if (!known.includes(name))
      throw new ConfigError(`no table "${name}" in this app; it has: ${known.join(', ')}`)
  }
}
