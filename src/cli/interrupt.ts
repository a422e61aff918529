import { untilSignal } from './server.ts'

/** Aborts at the first Ctrl-C, so that a command can end by itself; a later one ends the process at once. */
export function abortOnSignal(): AbortSignal {
  const controller = new AbortController()
  void untilSignal().then((signal) => controller.abort(new Error(signal)))
  return controller.signal
}
