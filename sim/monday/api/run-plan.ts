import { FieldError } from './errors.ts'
import type { FieldPlan, Plan } from './plan.ts'

export type Resolver<Context> = (
  source: unknown,
  args: Readonly<Record<string, unknown>>,
  context: Context,
) => unknown
export type Resolvers<Context> = Readonly<Record<string, Readonly<Record<string, Resolver<Context>>>>>

export interface ResponseError {
  message: string
  path: (string | number)[]
  extensions: Readonly<Record<string, unknown>>
}

export interface PlanResult {
  data: Record<string, unknown> | null
  errors: ResponseError[]
}

/** A null where the schema forbids one: travels up to the nearest nullable field. */
const BUBBLE = Symbol('null in a non-null field')

export interface Runtime<Context> {
  readonly resolvers: Resolvers<Context>
  /** The concrete type of an object read through an interface or union. */
  typeOf(source: unknown): string
}

type Json = Record<string, unknown>

export class PlanRun<Context> {
  readonly #runtime: Runtime<Context>
  readonly #context: Context
  readonly #path: (string | number)[] = []
  readonly #errors: ResponseError[] = []

  constructor(runtime: Runtime<Context>, context: Context) {
    this.#runtime = runtime
    this.#context = context
  }

  /** Root fields may be asynchronous and run one after the other; all below them is synchronous. */
  async run(plan: Plan): Promise<PlanResult> {
    const data: Json = {}
    const source: unknown = undefined
    try {
      for (const field of plan.fields) await this.#root(field, source, data)
    } catch (error) {
      if (error !== BUBBLE) throw error
      return { data: null, errors: this.#errors }
    }
    return { data, errors: this.#errors }
  }

  async #root(field: FieldPlan, source: unknown, into: Json): Promise<void> {
    this.#path.length = 0
    this.#path.push(field.key)
    try {
      into[field.key] = this.#complete(field, await this.#resolve(field, source), 0)
    } catch (error) {
      this.#caught(error, field, 1)
      into[field.key] = null
    }
  }

  #resolve(field: FieldPlan, source: unknown): unknown {
    if (field.name === '__typename') return field.parent
    const resolver = this.#runtime.resolvers[field.parent]?.[field.name]
    if (resolver === undefined) return (source as Json | undefined)?.[field.name]
    return resolver(source, field.args, this.#context)
  }

  #object(fields: readonly FieldPlan[], source: unknown): Json {
    const out: Json = {}
    const depth = this.#path.length
    for (const field of fields) {
      try {
        const value = this.#resolve(field, source)
        if (field.leaf && field.lists.length === 0 && value !== null && value !== undefined) {
          out[field.key] = value
          continue
        }
        this.#path.push(field.key)
        out[field.key] = this.#complete(field, value, 0)
        this.#path.length = depth
      } catch (error) {
        if (this.#path.length === depth) this.#path.push(field.key)
        this.#caught(error, field, depth + 1)
        this.#path.length = depth
        out[field.key] = null
      }
    }
    return out
  }

  #caught(error: unknown, field: FieldPlan, depth: number): void {
    if (error !== BUBBLE) {
      if (!(error instanceof FieldError)) throw error
      const path = this.#path.slice(0, Math.max(depth, this.#path.length))
      this.#errors.push({ message: error.message, path, extensions: error.extensions })
    }
    if (field.nonNull) throw BUBBLE
  }

  #complete(field: FieldPlan, value: unknown, level: number): unknown {
    const forbidden = level === 0 ? field.nonNull : (field.lists[level - 1] as boolean)
    if (value === null || value === undefined) {
      if (forbidden)
        throw new FieldError(`Cannot return null for non-nullable field ${field.parent}.${field.name}.`, {
          code: 'INTERNAL_SERVER_ERROR',
        })
      return null
    }
    if (level < field.lists.length) return this.#list(field, value as Iterable<unknown>, level)
    if (field.leaf) return value
    return this.#object(field.fieldsOf(field.abstract ? this.#runtime.typeOf(value) : field.typeName), value)
  }

  #list(field: FieldPlan, values: Iterable<unknown>, level: number): unknown[] {
    const out: unknown[] = []
    const depth = this.#path.length
    for (const value of values) {
      this.#path.push(out.length)
      try {
        out.push(this.#complete(field, value, level + 1))
      } catch (error) {
        if (field.lists[level] as boolean) throw error
        if (error !== BUBBLE) this.#caught(error, { ...field, nonNull: false }, depth + 1)
        out.push(null)
      }
      this.#path.length = depth
    }
    return out
  }
}
