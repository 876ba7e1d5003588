import '@mantine/core/styles.css';
import '@mantine/charts/styles.css';
import './styles.css';
import { createTheme, MantineProvider } from '@mantine/core';
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

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={() => nonce}>
      <Router base="/console">
        <SessionProvider>
          <Console />
        </SessionProvider>
      </Router>
    </MantineProvider>
  </StrictMode>,
);
