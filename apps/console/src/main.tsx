import '@mantine/core/styles.css';
import '@mantine/charts/styles.css';
import './styles.css';
import { type CSSVariablesResolver, createTheme, MantineProvider } from '@mantine/core';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Router } from 'wouter';
import { Console } from './console.js';
import { SessionProvider } from './session.js';

/** What the page's policy lets in: styles that carry it. The attribute itself is hidden from selectors. */
const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.nonce ?? '';
// Asked for by the library that holds the page still behind a dialog.
Object.assign(globalThis, { __webpack_nonce__: nonce });

/** Shades with enough contrast for WCAG AA, with white on them and on white. */
const theme = createTheme({
  primaryColor: 'blue',
  primaryShade: { light: 9, dark: 9 },
  cursorType: 'pointer',
  respectReducedMotion: true,
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif',
});

/** Text that is less important, and still readable by WCAG AA. */
const resolveVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': '#495057',
    '--mantine-color-placeholder': '#5c636a',
    '--mantine-color-error': '#c92a2a',
  },
  dark: {
    '--mantine-color-dimmed': '#b8bcc2',
    '--mantine-color-placeholder': '#a6abb1',
    '--mantine-color-error': '#ff8787',
  },
});

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      defaultColorScheme="auto"
      cssVariablesResolver={resolveVariables}
      getStyleNonce={() => nonce}
    >
      <Router base="/console">
        <SessionProvider>
          <Console />
        </SessionProvider>
      </Router>
    </MantineProvider>
  </StrictMode>,
);
