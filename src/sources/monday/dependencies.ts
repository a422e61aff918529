import { type Dependency, ROW } from '../contract.ts'
import {
  type BoardColumn,
  type BoardSchema,
  formulaInputs,
  linkedBoards,
  mirrorOf,
  readableFormulas,
  registersOf,
} from './board-schema.ts'
import type { BoardMapping } from './mapping.ts'

/** The part of a stream that is read apart from its rows. */
export const FORMULA = 'formula'

export interface KnownBoard {
  readonly mapping: BoardMapping
  readonly schema: BoardSchema
}

/**
 * Which columns show values from elsewhere, from the boards' own settings. monday sends no webhook for mirror and
 * formula columns, so a change at their source must ask for them again.
 */
export function dependenciesOf(boards: ReadonlyMap<string, KnownBoard>): Dependency[] {
  return [...boards.values()].flatMap((board) => [
    ...formulaDependencies(board),
    ...board.schema.columns
      .filter((column) => column.type === 'mirror')
      .flatMap((column) => mirrorDependencies(boards, board, column)),
  ])
}

function formulaDependencies({ mapping, schema }: KnownBoard): Dependency[] {
  const registers = readableFormulas(schema)
    .flatMap(formulaInputs)
    .flatMap((id) => registersOf(mapping, id))
  if (registers.length === 0) return []
  const link = { kind: 'self' } as const
  return [{ from: mapping.table, registers: [...new Set(registers)], to: mapping.table, part: FORMULA, link }]
}

function mirrorDependencies(
  boards: ReadonlyMap<string, KnownBoard>,
  { mapping, schema }: KnownBoard,
  column: BoardColumn,
): Dependency[] {
  const { relation, shown } = mirrorOf(column)
  const relationColumn = schema.columns.find((c) => c.id === relation)
  if (relation === undefined || relationColumn === undefined) return []
  const to = mapping.table
  const own = {
    from: to,
    registers: registersOf(mapping, relation),
    to,
    part: ROW,
    link: { kind: 'self' } as const,
  }
  const others = shown.flatMap(({ board, columns }): Dependency[] => {
    const source = boards.get(board)
    const link = source === undefined ? undefined : linkTo(mapping, relationColumn, source)
    if (source === undefined || link === undefined) return []
    const registers = columns.flatMap((id) => registersOf(source.mapping, id))
    return [{ from: source.mapping.table, registers, to, part: ROW, link }]
  })
  return relationColumn.type === 'subtasks' ? others : [own, ...others]
}

/** How rows of this board that show a row of `source` are found; undefined where the link itself is not kept. */
function linkTo(
  mapping: BoardMapping,
  relation: BoardColumn,
  source: KnownBoard,
): Dependency['link'] | undefined {
  if (relation.type === 'subtasks') {
    if (!linkedBoards(relation).includes(source.schema.id)) return undefined
    const parent = Object.entries(source.mapping.fields).find(
      ([, field]) => field.column === 'parent_item_id',
    )
    return parent === undefined ? undefined : { kind: 'held', column: parent[0] }
  }
  const link = Object.entries(mapping.fields).find(
    ([, field]) => field.column === relation.id && (field.as === 'link' || field.as === 'links'),
  )
  return link === undefined ? undefined : { kind: 'holds', column: link[0] }
}
