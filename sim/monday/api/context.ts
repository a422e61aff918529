import type { Edits } from '../edits/edits.ts'
import type { Faults } from '../faults.ts'
import type { Dispatcher } from '../webhooks/dispatcher.ts'
import type { Board, Column, Item, World } from '../world/model.ts'
import type { Random } from '../world/random.ts'
import type { Cursors } from './cursors.ts'
import type { Budget } from './limits.ts'
import type { Replica } from './replica.ts'

/** What every request shares. */
export interface Service {
  readonly world: World
  readonly edits: Edits
  readonly faults: Faults
  readonly budget: Budget
  readonly cursors: Cursors
  readonly replica: Replica
  readonly dispatcher: Dispatcher
  /** Drawn from by faults and page orders only, so that they never move the world. */
  readonly random: Random
  /** Boards the token cannot see: absent, not an error. */
  readonly hiddenBoards: Set<string>
}

/** One request. */
export class ApiContext {
  readonly service: Service
  readonly world: World
  readonly apiVersion: string
  readonly complexity: {
    readonly query: number
    readonly before: number
    readonly after: number
    readonly reset: number
  }
  /** Some items of this request were read as subitems of others. */
  nested = false
  readonly #formulaColumns = new Set<Column>()

  constructor(service: Service, apiVersion: string, complexity: ApiContext['complexity']) {
    this.service = service
    this.world = service.world
    this.apiVersion = apiVersion
    this.complexity = complexity
  }

  sees(board: Board): boolean {
    return !this.service.hiddenBoards.has(board.id)
  }

  /** The item as a read now answers it; undefined where the token or a lagging replica does not have it yet. */
  view(item: Item | undefined): Item | undefined {
    if (item === undefined || !this.sees(item.board)) return undefined
    return this.service.replica.view(item)
  }

  views(items: Iterable<Item>): Item[] {
    const seen: Item[] = []
    for (const item of items) {
      const view = this.view(item)
      if (view !== undefined) seen.push(view)
    }
    return seen
  }

  /** Whether one more formula cell may be answered: few columns a request, a budget of cells a minute. */
  affordsFormula(column: Column): boolean {
    const { budget } = this.service
    const columns = this.#formulaColumns
    if (!columns.has(column)) {
      if (columns.size >= budget.limits.formulaColumnsPerRequest) return false
      columns.add(column)
    }
    return budget.takeFormulaCell()
  }
}
