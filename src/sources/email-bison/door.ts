import { createHmac } from 'node:crypto'
import type { Json } from '../../engine/observation.ts'
import type { Verdict, WebhookDoor } from '../contract.ts'
import { same } from '../same.ts'
import { identify, type InstanceOf, readEvent } from './parse.ts'
import { scopeOf } from './workspaces.ts'

const refuse = (reason: string): Verdict => ({ ok: false, reason })

/**
 * The last part of a workspace's webhook path: its scope and a proof that we made it. Email Bison signs nothing, so
 * this is all that tells its deliveries from others.
 */
export function pathSecretOf(scope: string, secret: string): string {
  const proof = createHmac('sha256', secret).update(`email-bison ${scope}`).digest('base64url').slice(0, 32)
  return `${scope.replace('/', '.')}.${proof}`
}

/** Where a workspace's webhook is; `root` is where those of all are. */
export function hookOf(root: string, scope: string, secret: string | undefined): string {
  const base = root.replace(/\/+$/, '')
  return secret === undefined ? base : `${base}/${pathSecretOf(scope, secret)}`
}

const SECRET = /^([a-z0-9-]{1,40})\.(\d{1,15})\.[\w-]{32}$/

/** The scope that a path's secret proves; undefined where it proves none. */
function scopeOfSecret(given: string, secret: string): string | undefined {
  const [, instance, id] = SECRET.exec(given) ?? []
  if (instance === undefined || id === undefined) return undefined
  const scope = `${instance}/${id}`
  return same(given, pathSecretOf(scope, secret)) ? scope : undefined
}

/** @param secret from which each workspace's path secret is made; without one, anybody's deliveries are taken */
export function bisonDoor(secret: string | undefined, instanceOf: InstanceOf): WebhookDoor {
  return {
    guarded: secret !== undefined,
    pathSecret: undefined,
    identify: (payload) => identify(payload, instanceOf),
    challenge: () => undefined,
    verify({ secret: given, body }) {
      if (secret === undefined) return Promise.resolve({ ok: true })
      const scope = scopeOfSecret(given ?? '', secret)
      if (scope === undefined) return Promise.resolve(refuse('wrong or missing path secret'))
      return Promise.resolve(verifyScope(body, scope, instanceOf))
    },
  }
}

/** A secret opens its own workspace alone. */
function verifyScope(body: Uint8Array, scope: string, instanceOf: InstanceOf): Verdict {
  let payload: Json
  try {
    payload = JSON.parse(new TextDecoder().decode(body)) as Json
  } catch {
    // Told as what it is by the next check.
    return { ok: true }
  }
  const told = readEvent(payload, instanceOf)
  return told === undefined || scopeOf(told.workspace) === scope
    ? { ok: true }
    : refuse(`the path is that of workspace ${scope}, the event is of another`)
}
