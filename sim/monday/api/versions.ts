export interface Version {
  readonly kind: string
  readonly value: string
  readonly display_name: string
}

const version = (value: string, kind: string): Version => ({ value, kind, display_name: value })

export const VERSIONS: readonly Version[] = [
  version('2025-04', 'old__maintenance'),
  version('2025-07', 'old__maintenance'),
  version('2025-10', 'old__maintenance'),
  version('2026-01', 'old__maintenance'),
  version('2026-04', 'old_previous_maintenance'),
  version('2026-07', 'maintenance'),
  version('2026-10', 'current'),
  version('2027-01', 'release_candidate'),
]

const CURRENT = '2026-10'
const OLDEST = VERSIONS[0]?.value ?? CURRENT

/** The version a request gets: no header is the current one, an unsupported old one is routed to the oldest. */
export function resolveVersion(asked: string | undefined): string | undefined {
  if (asked === undefined) return CURRENT
  if (asked === 'dev') return asked
  if (!/^\d{4}-(01|04|07|10)$/.test(asked)) return undefined
  if (asked < OLDEST) return OLDEST
  return VERSIONS.some(({ value }) => value === asked) ? asked : undefined
}

export function versionOf(value: string): Version {
  return VERSIONS.find((one) => one.value === value) ?? version(value, 'dev')
}
