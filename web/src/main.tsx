// main.tsx -- the page begins here.
import './ui/style.css';
import { render } from 'preact';
import { App } from './app/app';
import { applyTheme } from './app/prefs';

applyTheme();
render(<App />, document.getElementById('app')!);
