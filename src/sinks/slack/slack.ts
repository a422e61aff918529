import { setTimeout as sleep } from 'node:timers/promises'
import { ConfigError } from '../../engine/errors.ts'
import type { Notifier } from '../contract.ts'
import { type Clock, type HookOptions, SlackHook } from './hook.ts'

/** Purpose → URL of an incoming webhook. A purpose without URL, or with an empty one, is not configured. */
export type SlackUrls = Readonly<Record<string, string | undefined>>

export interface Slack {
  /**
   * The hook of each purpose that has one. Purposes with the same URL share a hook, and a hook keeps its pace from
   * one call to the next, so this may be asked anew whenever URLs may have changed.
   */
  notifiers(urls: SlackUrls): ReadonlyMap<string, Notifier>
}

const machineClock: Clock = {
  steady: () => performance.now(),
  async sleep(ms, signal) {
    try {
      await sleep(ms, undefined, { signal })
    } catch {
      signal.throwIfAborted()
    }
  },
}

export function createSlack(options: Partial<HookOptions> = {}): Slack {
  const hookOptions = { clock: machineClock, timeoutMs: 10_000, ...options }
  let hooks = new Map<string, SlackHook>()
  return {
    notifiers(urls) {
      const kept = new Map<string, SlackHook>()
      const byPurpose = new Map<string, SlackHook>()
      for (const [purpose, text] of Object.entries(urls)) {
        if (text === undefined || text.trim() === '') continue
        const url = parseUrl(purpose, text)
        const hook = kept.get(url.href) ?? hooks.get(url.href) ?? new SlackHook(url, hookOptions)
        kept.set(url.href, hook)
        byPurpose.set(purpose, hook)
      }
      hooks = kept
      return byPurpose
    },
  }
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/

/** The message leaves out what was given, also where that is no URL: it may be one but for a letter. */
function parseUrl(purpose: string, text: string): URL {
  const url = URL.parse(text.trim())
  const safe = url?.protocol === 'https:' || (url?.protocol === 'http:' && LOOPBACK.test(url.hostname))
  if (url === null || !safe) {
    throw new ConfigError(
      `the Slack webhook for "${purpose}" is no https URL: copy it from Slack (Your apps, Incoming Webhooks); it begins with https://hooks.slack.com/services/`,
    )
  }
  return url
}
