// The side panel's page.

import 'uplot/dist/uPlot.min.css'
import './panel.css'
import { App } from './app'
import { say } from './dom'
import { findHost } from './host'

new App(findHost()).begin().catch((error: Error) => say(error.message))
