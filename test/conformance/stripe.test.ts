import { stripe } from './subjects/stripe.ts'
import { conformance } from './suite.ts'

conformance(stripe)
