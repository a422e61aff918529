/**
 * A message to people, in no vendor's words: each sink makes of it what its service shows best. It is kept in the
 * database, so it holds no secrets.
 */
export interface Message {
  /** What it is about, in a line; what a telephone shows of it. */
  readonly title: string
  readonly tone: 'neutral' | 'good' | 'warning' | 'critical'
  readonly text?: string | undefined
  readonly fields?: readonly Field[]
  readonly links?: readonly Link[]
  readonly footer?: string | undefined
  /** When what it tells of happened, as ISO 8601. */
  readonly at?: string | undefined
}

export interface Field {
  readonly title: string
  readonly value: string
  /** Takes a line of its own. */
  readonly wide?: boolean
}

export interface Link {
  readonly label: string
  /** http or https. */
  readonly url: string
}

/** What is known of a message that was taken. */
export interface Sent {
  /** From the request to the answer. */
  readonly tookMs: number
}

/** One place that messages go to. Two purposes that go to the same place share one notifier. */
export interface Notifier {
  /** For logs; tells notifiers apart without giving away where they lead. */
  readonly name: string
  /** At most one message in so many milliseconds. `send` sees to it within a process, the outbox between processes. */
  readonly paceMs: number
  /**
   * Delivers a message, in its turn: the service's pace is kept here.
   *
   * Throws `VendorRefusedError` where the same message will never be taken, and `VendorUnavailableError` where it may
   * be later, with the time to come again where the service named one. The message may have come through all the
   * same in the second case.
   * @param signal ends the wait for a turn, with the signal's reason; a request on its way is not broken off
   */
  send(message: Message, signal: AbortSignal): Promise<Sent>
}
