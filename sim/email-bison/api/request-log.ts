export interface RequestEntry {
  readonly at: number
  readonly method: string
  readonly path: string
  readonly query: string
  /** As `GET /api/campaigns/:id`; null where no route took it. */
  readonly route: string | null
  /** The workspace that the token stood for; null where it stood for none. */
  readonly workspaceId: number | null
  readonly token: 'api-user' | 'super-admin' | null
  /** 0 where the connection was cut or left hanging. */
  readonly status: number
  readonly durationMs: number
}

/** What was asked of one instance. */
export class RequestLog {
  calls = 0
  /** Answered with 4xx or 5xx, or not at all. */
  rejected = 0
  readonly byRoute: Record<string, number> = {}
  readonly byStatus: Record<string, number> = {}
  /** The latest requests, oldest first; `keptMax` of them at most. */
  readonly last: RequestEntry[] = []
  keptMax = 2_000

  add(entry: RequestEntry): void {
    this.calls++
    if (entry.status < 200 || entry.status >= 400) this.rejected++
    const route = entry.route ?? `${entry.method} ${entry.path}`
    this.byRoute[route] = (this.byRoute[route] ?? 0) + 1
    this.byStatus[entry.status] = (this.byStatus[entry.status] ?? 0) + 1
    this.last.push(entry)
    if (this.last.length > this.keptMax) this.last.splice(0, this.keptMax / 2)
  }

  /** Calls of a route, such as `POST /api/workspaces/v1.1/switch-workspace`. */
  count(route: string): number {
    return this.byRoute[route] ?? 0
  }

  reset(): void {
    this.calls = 0
    this.rejected = 0
    this.last.length = 0
    for (const counts of [this.byRoute, this.byStatus])
      for (const key of Object.keys(counts)) delete counts[key]
  }
}
