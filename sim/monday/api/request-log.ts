const KEPT_MAX = 500

export interface RequestEntry {
  readonly at: number
  readonly operation: string | null
  readonly fields: readonly string[]
  readonly status: number
  readonly complexity: number
  readonly durationMs: number
  readonly rejected: boolean
}

/** What was asked of the API. */
export class RequestLog {
  calls = 0
  rejected = 0
  readonly byField: Record<string, number> = {}
  readonly byOperation: Record<string, number> = {}
  /** The latest requests, oldest first. */
  readonly last: RequestEntry[] = []

  add(entry: RequestEntry): void {
    this.calls++
    if (entry.rejected) this.rejected++
    for (const field of entry.fields) this.byField[field] = (this.byField[field] ?? 0) + 1
    if (entry.operation !== null)
      this.byOperation[entry.operation] = (this.byOperation[entry.operation] ?? 0) + 1
    this.last.push(entry)
    if (this.last.length > KEPT_MAX) this.last.splice(0, KEPT_MAX / 2)
  }

  reset(): void {
    this.calls = 0
    this.rejected = 0
    this.last.length = 0
    for (const counts of [this.byField, this.byOperation])
      for (const key of Object.keys(counts)) delete counts[key]
  }
}
