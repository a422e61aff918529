import { ConfigError, describeError } from '../../engine/errors.ts'
import type { Json, JsonObject } from '../../engine/observation.ts'
import type { SourceStore } from '../contract.ts'
import type { BisonClient, Credentials } from './client.ts'
import { readAll } from './paging.ts'
import { number, object, text } from './rows.ts'

/** One installation of Email Bison, as it is configured. */
export interface Instance {
  /** A short name of ours, lower case: the first part of every key. */
  readonly name: string
  /** Its origin; never assumed. */
  readonly url: string
  /** A token that sees all workspaces and may mint tokens for them; undefined where only `tokens` are given. */
  readonly token?: string | undefined
  /** Workspace id → its own token. */
  readonly tokens?: Readonly<Record<string, string>>
}

export interface Workspace {
  readonly instance: string
  readonly id: number
  readonly name: string
}

/** What is told apart by a workspace: its scope in events, and the first part of its keys. */
export const scopeOf = ({ instance, id }: Pick<Workspace, 'instance' | 'id'>): string => `${instance}/${id}`

const PATH = 'workspaces/v1.1'
const TOKEN_NAME = 'Lockstep'

/** The workspaces that are known, and the token of each. */
export class Workspaces {
  private readonly instances: readonly Instance[]
  private readonly clients: ReadonlyMap<string, BisonClient>
  private readonly store: SourceStore
  private known: readonly Workspace[] = []
  private tokens: Readonly<Record<string, string>> = {}

  constructor(instances: readonly Instance[], clients: ReadonlyMap<string, BisonClient>, store: SourceStore) {
    this.instances = instances
    this.clients = clients
    this.store = store
  }

  get all(): readonly Workspace[] {
    return this.known
  }

  find(scope: string): Workspace | undefined {
    return this.known.find((workspace) => scopeOf(workspace) === scope)
  }

  /** Whether there is a token for it. */
  hasToken(workspace: Workspace): boolean {
    return this.tokenOf(workspace) !== undefined
  }

  private tokenOf({ instance: name, id }: Workspace): string | undefined {
    const instance = this.instances.find((one) => one.name === name)
    return instance?.tokens?.[id] ?? this.tokens[scopeOf({ instance: name, id })]
  }

  /** Whether some workspace has no token though one may be minted for it. */
  get lacksTokens(): boolean {
    const mints = new Set(this.instances.filter(({ token }) => token !== undefined).map(({ name }) => name))
    return this.known.some(
      (workspace) => mints.has(workspace.instance) && this.tokenOf(workspace) === undefined,
    )
  }

  /** Who asks. Throws a ConfigError where the workspace has no token. */
  credentials(workspace: Workspace): Credentials {
    const token = this.tokenOf(workspace)
    if (token === undefined)
      throw new ConfigError(
        `Email Bison ${scopeOf(workspace)} (${workspace.name}): no token. Give one in "tokens" of the instance, or a "token" that may mint one`,
      )
    return { token, account: scopeOf(workspace) }
  }

  client(instance: string): BisonClient {
    const client = this.clients.get(instance)
    if (client === undefined) throw new ConfigError(`Email Bison: no instance "${instance}" is configured`)
    return client
  }

  /** What was known when it was last asked. */
  async load(): Promise<void> {
    const kept = await this.store.read('workspace')
    this.tokens = await this.store.readSecrets('token')
    const names = new Set(this.instances.map(({ name }) => name))
    this.known = Object.values(kept)
      .flatMap((value) => readKept(value))
      .filter(({ instance }) => names.has(instance))
      .sort((a, b) => (scopeOf(a) < scopeOf(b) ? -1 : 1))
  }

  /** Asks every instance for its workspaces, and mints a token for each that has none. Returns what went wrong. */
  async discover(signal: AbortSignal): Promise<string[]> {
    const problems: string[] = []
    for (const instance of this.instances) {
      try {
        const found = await this.list(instance, signal)
        for (const workspace of found) {
          const { instance: name, id } = workspace
          await this.store.write('workspace', scopeOf(workspace), {
            instance: name,
            id,
            name: workspace.name,
          })
        }
        await this.load()
        problems.push(...(await this.mintMissing(instance, found, signal)))
      } catch (error) {
        problems.push(`${instance.name}: its workspaces could not be listed: ${describeError(error)}`)
      }
    }
    return problems
  }

  /** The workspaces of an instance as it lists them now, and what they hold beside their names. */
  async read(
    instance: Instance,
    signal: AbortSignal,
  ): Promise<{ rows: readonly JsonObject[]; floor: number }> {
    const client = this.client(instance.name)
    if (instance.token !== undefined)
      return readAll(client, { path: PATH, token: instance.token, account: instance.name, signal })
    // Each token sees its own workspace alone.
    const rows: JsonObject[] = []
    let floor = Infinity
    for (const [id, token] of Object.entries(instance.tokens ?? {})) {
      const account = `${instance.name}/${id}`
      const read = await readAll(client, { path: PATH, token, account, signal })
      rows.push(...read.rows)
      floor = Math.min(floor, read.floor)
    }
    return { rows, floor }
  }

  private async list(instance: Instance, signal: AbortSignal): Promise<Workspace[]> {
    const { rows } = await this.read(instance, signal)
    return rows.flatMap((row) => asWorkspace(instance.name, row) ?? [])
  }

  private async mintMissing(
    instance: Instance,
    workspaces: readonly Workspace[],
    signal: AbortSignal,
  ): Promise<string[]> {
    const problems: string[] = []
    for (const workspace of workspaces) {
      const scope = scopeOf(workspace)
      if (instance.tokens?.[workspace.id] !== undefined || this.tokens[scope] !== undefined) continue
      if (instance.token === undefined) {
        problems.push(`${scope} (${workspace.name}): no token is given for it`)
        continue
      }
      try {
        const token = await this.mint(instance.token, workspace, signal)
        await this.store.writeSecret('token', scope, token)
        this.tokens = { ...this.tokens, [scope]: token }
      } catch (error) {
        problems.push(`${scope} (${workspace.name}): no token could be minted: ${describeError(error)}`)
      }
    }
    return problems
  }

  private async mint(token: string, { instance, id }: Workspace, signal: AbortSignal): Promise<string> {
    const { body } = await this.client(instance).call({
      method: 'POST',
      path: `${PATH}/${id}/api-tokens`,
      body: { name: TOKEN_NAME },
      token,
      account: instance,
      signal,
    })
    const data = object(body['data'])
    const minted = [data['plain_text_token'], data['token'], data['api_token']].map((t) => text(t as Json))
    const found = minted.find((t) => t !== null)
    if (found === undefined || found === null) throw new Error('the answer holds no token')
    return found
  }
}

/** A workspace as the vendor lists it; names come with blanks at their ends, which are no part of them. */
export function asWorkspace(instance: string, row: JsonObject): Workspace | undefined {
  const id = number(row['id'])
  return id === null ? undefined : { instance, id, name: text(row['name']) ?? `Workspace ${id}` }
}

function readKept(value: Json): Workspace[] {
  const kept = object(value)
  const { instance, id, name } = kept
  return typeof instance === 'string' && typeof id === 'number' && typeof name === 'string'
    ? [{ instance, id, name }]
    : []
}
