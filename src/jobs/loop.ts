/** A worker that runs until it is stopped, and sleeps, wakeable, while there is nothing to do. */
export interface Loop {
  /** Something may be due: look now. */
  wake(): void
  /** Resolves when the step under way has ended. */
  stop(): Promise<void>
}

export interface LoopOptions {
  /** Does some work; the milliseconds until it should be called again (0: at once). */
  readonly step: (signal: AbortSignal) => Promise<number>
  /** Milliseconds to wait after a step that threw, by how many in a row did. */
  readonly onError: (error: unknown, inARow: number) => number
}

export function startLoop({ step, onError }: LoopOptions): Loop {
  const abort = new AbortController()
  let wakeUp: (() => void) | undefined
  let woken = false
  let errors = 0
  const run = async (): Promise<void> => {
    while (!abort.signal.aborted) {
      woken = false
      let waitMs: number
      try {
        waitMs = await step(abort.signal)
        errors = 0
      } catch (error) {
        if (abort.signal.aborted) return
        waitMs = onError(error, ++errors)
      }
      if (waitMs > 0 && !woken && !abort.signal.aborted) await nap(waitMs)
    }
  }
  const nap = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.min(ms, 2 ** 31 - 1))
      wakeUp = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  const running = run()
  const wake = (): void => {
    woken = true
    wakeUp?.()
  }
  return {
    wake,
    async stop() {
      abort.abort()
      wake()
      await running
    },
  }
}
