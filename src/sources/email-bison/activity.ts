import type { JsonObject } from '../../engine/observation.ts'
import type { Fact, FetchedRow } from '../contract.ts'
import { object } from './rows.ts'

/** Campaigns that send, or are about to. */
const SENDING: ReadonlySet<unknown> = new Set(['active', 'launching', 'queued'])
/** After something happened to one of its mails, a workspace is taken to be at work for so long. */
const HEARD_MS = 15 * 60_000

/**
 * Which workspaces are at work: their campaigns' figures move by the minute, those of the others do not. What is not
 * known is taken to be at work.
 */
export class Activity {
  /** Whether a campaign was sending, when they were last read whole; by scope. */
  private readonly sending = new Map<string, boolean>()
  /** The same of the pages so far of a pass that is under way. */
  private readonly reading = new Map<string, boolean>()
  /** Milliseconds since 1970, the vendor's clock. */
  private readonly heardAt = new Map<string, number>()

  /** A page of a workspace's campaigns. */
  read(
    scope: string,
    rows: readonly FetchedRow[],
    { isFirst, isLast }: { readonly isFirst: boolean; readonly isLast: boolean },
  ): void {
    if (isFirst) this.reading.set(scope, false)
    const before = this.reading.get(scope)
    // Resumed amid a pass of another process: the pages before are not known.
    if (before === undefined) return
    const now = before || rows.some(({ values }) => SENDING.has(values['status']))
    this.reading.set(scope, now)
    if (!isLast) return
    this.sending.set(scope, now)
    this.reading.delete(scope)
  }

  /** Something happened. */
  hear(fact: Fact): void {
    const campaign: JsonObject = object(fact.data['campaign'])
    if (campaign['id'] === undefined) return
    const atMs = fact.at / 1000
    if (atMs > (this.heardAt.get(fact.scope) ?? -Infinity)) this.heardAt.set(fact.scope, atMs)
  }

  isAtWork(scope: string, nowMs: number): boolean {
    return (this.sending.get(scope) ?? true) || (this.heardAt.get(scope) ?? -Infinity) > nowMs - HEARD_MS
  }
}
