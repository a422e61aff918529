/** The part of monday's formula language the boards use: arithmetic, comparison, text, and functions by name. */
export type Expression =
  | { readonly kind: 'literal'; readonly value: number | string }
  | { readonly kind: 'column'; readonly id: string }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Expression[] }
  | { readonly kind: 'binary'; readonly op: string; readonly left: Expression; readonly right: Expression }

const TOKEN = /\s*(?:(\d+(?:\.\d+)?)|"([^"]*)"|'([^']*)'|\{([^}]+)\}|([A-Za-z_]+)|(<>|<=|>=|[-+*/&=<>(),]))/y
const BINDING: Readonly<Record<string, number>> = { '=': 1, '<>': 1, '<': 1, '>': 1, '<=': 1, '>=': 1 }
const POWER: Readonly<Record<string, number>> = { ...BINDING, '&': 2, '+': 3, '-': 3, '*': 4, '/': 4 }

type Token = { readonly kind: 'number' | 'text' | 'column' | 'name' | 'op'; readonly text: string }

function tokenize(source: string): Token[] {
  const tokens: Token[] = []
  TOKEN.lastIndex = 0
  while (source.slice(TOKEN.lastIndex).trim() !== '') {
    const at = TOKEN.lastIndex
    const found = TOKEN.exec(source)
    if (found === null) throw new SyntaxError(`formula: cannot read "${source.slice(at)}"`)
    const [, number, double, single, column, name, op] = found
    if (number !== undefined) tokens.push({ kind: 'number', text: number })
    else if (double !== undefined || single !== undefined)
      tokens.push({ kind: 'text', text: double ?? single ?? '' })
    else if (column !== undefined) tokens.push({ kind: 'column', text: column })
    else if (name !== undefined) tokens.push({ kind: 'name', text: name.toUpperCase() })
    else tokens.push({ kind: 'op', text: op ?? '' })
  }
  return tokens
}

class Parser {
  readonly #tokens: Token[]
  #at = 0
  constructor(tokens: Token[]) {
    this.#tokens = tokens
  }

  expression(power = 0): Expression {
    let left = this.#prefix()
    for (;;) {
      const op = this.#tokens[this.#at]
      const binding = op?.kind === 'op' ? POWER[op.text] : undefined
      if (op === undefined || binding === undefined || binding <= power) return left
      this.#at++
      left = { kind: 'binary', op: op.text, left, right: this.expression(binding) }
    }
  }

  end(): void {
    if (this.#at < this.#tokens.length) throw new SyntaxError('formula: text after the end')
  }

  #prefix(): Expression {
    const token = this.#tokens[this.#at++]
    if (token === undefined) throw new SyntaxError('formula: unexpected end')
    if (token.kind === 'number') return { kind: 'literal', value: Number(token.text) }
    if (token.kind === 'text') return { kind: 'literal', value: token.text }
    if (token.kind === 'column') return { kind: 'column', id: token.text }
    if (token.kind === 'name') return { kind: 'call', name: token.text, args: this.#args() }
    if (token.text === '-')
      return { kind: 'binary', op: '-', left: { kind: 'literal', value: 0 }, right: this.expression(4) }
    if (token.text !== '(') throw new SyntaxError(`formula: unexpected "${token.text}"`)
    const inner = this.expression()
    this.#take(')')
    return inner
  }

  #args(): Expression[] {
    const args: Expression[] = []
    this.#take('(')
    if (this.#peek(')')) {
      this.#at++
      return args
    }
    for (;;) {
      args.push(this.expression())
      if (!this.#peek(',')) break
      this.#at++
    }
    this.#take(')')
    return args
  }

  #peek(text: string): boolean {
    const token = this.#tokens[this.#at]
    return token?.kind === 'op' && token.text === text
  }

  #take(text: string): void {
    if (!this.#peek(text)) throw new SyntaxError(`formula: expected "${text}"`)
    this.#at++
  }
}

export function parseFormula(source: string): Expression {
  const parser = new Parser(tokenize(source))
  const expression = parser.expression()
  parser.end()
  return expression
}

export function columnsOf(expression: Expression, into: Set<string> = new Set()): Set<string> {
  if (expression.kind === 'column') into.add(expression.id)
  else if (expression.kind === 'call') for (const arg of expression.args) columnsOf(arg, into)
  else if (expression.kind === 'binary') {
    columnsOf(expression.left, into)
    columnsOf(expression.right, into)
  }
  return into
}
