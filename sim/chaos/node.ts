import type { App } from '../../src/apps/contract.ts'
import { openPipelines } from '../../src/cli/node.ts'
import { createHttp } from '../../src/http/app.ts'
import type { WebhookDoor } from '../../src/http/door.ts'
import { Metrics } from '../../src/http/metrics.ts'
import { Receiver } from '../../src/inbox/receive.ts'
import { silentLog } from '../../src/jobs/log.ts'
import type { Pipeline } from '../../src/lanes/pipeline.ts'
import type { Delivery, Page, Source } from '../../src/sources/contract.ts'
import { ChaosDatabase, type ChaosOptions } from './database.ts'

/** What a run does to a node from inside. */
export interface Hooks {
  /** Between the vendor's answer and what is done with it. */
  readonly afterRead: (page: Page, request: ReadRequest) => Promise<Page>
  /** Before an event is parsed; throws where it is to fail. */
  readonly beforeParse: (delivery: Delivery) => Delivery
  /** The vendor's record of events answers nothing. */
  readonly noEventLog: boolean
}

export interface ReadRequest {
  readonly stream: { readonly id: string; readonly table: string }
  readonly part: string
  /** Undefined on a page that begins a pass; null where keys were asked for. */
  readonly cursor: unknown
  readonly newestFirst: boolean
}

const SECRET_KEY = 'a key for the simulation alone'

/** One node as it runs, but that its loops are turned by hand. It ends by being dropped. */
export class ChaosNode {
  readonly db: ChaosDatabase
  readonly pipeline: Pipeline
  readonly #door: WebhookDoor
  #prepared = false

  private constructor(db: ChaosDatabase, pipeline: Pipeline) {
    this.db = db
    this.pipeline = pipeline
    const receiver = new Receiver(db)
    const { webhooks } = createHttp({
      db,
      pipelines: [pipeline],
      receiver,
      metrics: new Metrics(),
      log: silentLog,
      trustProxy: false,
      apiKey: undefined,
      local: true,
      notReady: () => Promise.resolve(undefined),
    })
    this.#door = webhooks
  }

  static async open(options: ChaosOptions, app: App, hooks: Hooks): Promise<ChaosNode> {
    const db = new ChaosDatabase(options)
    const [pipeline] = await openPipelines(db, [app], { secretKey: SECRET_KEY })
    if (pipeline === undefined) throw new Error('no pipeline')
    return new ChaosNode(db, { ...pipeline, source: hooked(pipeline.source, hooks) })
  }

  /** Events are parsed and rows are read only with the boards known. */
  async prepare(signal: AbortSignal, fresh = false): Promise<void> {
    if (this.#prepared && !fresh) return
    await this.pipeline.source.prepare({ fresh, signal })
    this.#prepared = true
  }

  /** Delivers through the real door; the status of its answer, 0 where the node died under it. */
  async post(path: string, body: string): Promise<number> {
    const [, , app = '', secret] = path.split('/')
    const reply = await this.#door({
      app,
      secret,
      headers: {},
      clientIp: undefined,
      body: () => Promise.resolve(new TextEncoder().encode(body)),
    })
    return this.db.dead ? 0 : reply.status
  }

  async close(): Promise<void> {
    await this.db.close()
  }
}

/** The source itself, with the run's hooks around what it does. */
function hooked(source: Source, hooks: Hooks): Source {
  const own = source as { -readonly [K in keyof Source]: Source[K] }
  const { parse, readPage, readKeys } = source
  own.parse = (delivery) => parse(hooks.beforeParse(delivery))
  own.readPage = async (request) => {
    const { stream, part, cursor, newestFirst } = request
    return hooks.afterRead(await readPage(request), { stream, part, cursor, newestFirst })
  }
  own.readKeys = async (request) => {
    const { stream, part } = request
    return hooks.afterRead(await readKeys(request), { stream, part, cursor: null, newestFirst: false })
  }
  if (hooks.noEventLog && source.eventLog !== undefined)
    own.eventLog = {
      ...source.eventLog,
      read: () => Promise.resolve({ events: [], next: undefined, floor: Infinity }),
    }
  return own
}
