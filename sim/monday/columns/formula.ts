import type { Board, CellRef, Column } from '../world/model.ts'
import { columnsOf, type Expression, parseFormula } from './formula-parser.ts'
import { cellOf } from './kind.ts'
import { kindOf } from './kinds.ts'

type FormulaResult = number | string | boolean

const UNREADABLE = new Set(['mirror', 'board_relation', 'subtasks', 'dependency'])
const DAY_MS = 86_400_000
/** Day 0 of spreadsheet serial dates. */
const SERIAL_EPOCH = Date.UTC(1899, 11, 30)

interface Compiled {
  readonly source: string
  readonly expression: Expression
  readonly columns: ReadonlySet<string>
}

const compiled = new WeakMap<Column, Compiled>()

function compile(column: Column): Compiled {
  const source = (column.settings['formula'] ?? '""') as string
  const known = compiled.get(column)
  if (known?.source === source) return known
  const expression = parseFormula(source)
  const fresh = { source, expression, columns: columnsOf(expression) }
  compiled.set(column, fresh)
  return fresh
}

/** The API gives no value to a formula that reaches a mirror or a connection, however indirectly. */
export function isReadable(board: Board, column: Column, depth = 0): boolean {
  if (depth > 10) return false
  for (const id of compile(column).columns) {
    const used = board.columns.get(id)
    if (used === undefined || UNREADABLE.has(used.type)) return false
    if (used.type === 'formula' && !isReadable(board, used, depth + 1)) return false
  }
  return true
}

function evaluateFormula(ref: CellRef): FormulaResult {
  return evaluate(compile(ref.column).expression, ref)
}

/** `display_value` of a formula: the four letters "null" where the API cannot read it. */
export function formulaDisplay(ref: CellRef): string {
  return isReadable(ref.item.board, ref.column) ? String(evaluateFormula(ref)) : 'null'
}

function columnValue(id: string, ref: CellRef): FormulaResult {
  const column = ref.item.board.columns.get(id)
  if (column === undefined) return ''
  const used = { ...ref, column }
  if (column.type === 'formula') return evaluateFormula(used)
  const cell = cellOf(used)
  if (column.type === 'numbers') return cell === undefined ? 0 : Number(cell)
  return kindOf(column.type).text(cell, used) ?? ''
}

const toNumber = (value: FormulaResult | undefined): number => {
  const number = Number(value ?? 0)
  return Number.isFinite(number) ? number : 0
}

function round(value: number, digits: number, how: (x: number) => number): number {
  const scale = 10 ** digits
  return how(Number((value * scale).toPrecision(14))) / scale
}

function serialDate(text: FormulaResult | undefined): FormulaResult {
  const ms = Date.parse(`${String(text ?? '').slice(0, 10)}T00:00:00Z`)
  return Number.isNaN(ms) ? '' : (ms - SERIAL_EPOCH) / DAY_MS
}

type Lazy = (index: number) => FormulaResult

const FUNCTIONS: Readonly<Record<string, (arg: Lazy, count: number) => FormulaResult>> = {
  IF: (arg) => (isTrue(arg(0)) ? arg(1) : arg(2)),
  AND: (arg, n) => indices(n).every((i) => isTrue(arg(i))),
  OR: (arg, n) => indices(n).some((i) => isTrue(arg(i))),
  ROUND: (arg) => round(toNumber(arg(0)), toNumber(arg(1)), Math.round),
  ROUNDUP: (arg) => round(toNumber(arg(0)), toNumber(arg(1)), Math.ceil),
  SUM: (arg, n) => indices(n).reduce((total, i) => total + toNumber(arg(i)), 0),
  DATEVALUE: (arg) => serialDate(arg(0)),
  CONCATENATE: (arg, n) =>
    indices(n)
      .map((i) => String(arg(i)))
      .join(''),
  SWITCH: (arg, n) => {
    for (let i = 1; i + 1 < n; i += 2) if (arg(i) === arg(0)) return arg(i + 1)
    return n % 2 === 0 ? arg(n - 1) : ''
  },
}

const indices = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
const isTrue = (value: FormulaResult | undefined): boolean => value === true || (value !== 'false' && !!value)

function evaluate(expression: Expression, ref: CellRef): FormulaResult {
  if (expression.kind === 'literal') return expression.value
  if (expression.kind === 'column') return columnValue(expression.id, ref)
  if (expression.kind === 'binary')
    return binary(expression.op, evaluate(expression.left, ref), evaluate(expression.right, ref))
  const { name, args } = expression
  const call = FUNCTIONS[name]
  if (call === undefined) throw new SyntaxError(`formula: no function ${name}`)
  return call((i) => (args[i] === undefined ? '' : evaluate(args[i], ref)), args.length)
}

function binary(op: string, left: FormulaResult, right: FormulaResult): FormulaResult {
  if (op === '=') return String(left) === String(right)
  if (op === '<>') return String(left) !== String(right)
  if (op === '&') return `${left}${right}`
  const [a, b] = [toNumber(left), toNumber(right)]
  if (op === '+') return a + b
  if (op === '-') return a - b
  if (op === '*') return a * b
  if (op === '/') return b === 0 ? 0 : a / b
  if (op === '<') return a < b
  if (op === '<=') return a <= b
  return op === '>' ? a > b : a >= b
}
