import { render } from 'preact'
import './styles/tokens.css'
import './styles/base.css'
import './state/theme.ts'
import { App } from './app.tsx'
import { resumeSession } from './state/session.ts'

render(<App />, document.querySelector('#app')!)
void resumeSession()
