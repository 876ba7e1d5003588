import { Alert, Button, Container, PasswordInput, Stack, Text, Title } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useSession } from './session.js';

/** Asks for an API key or a token; both are shown to the coordinator in the same way. */
export function SignIn() {
  const { signIn, error } = useSession();
  const [value, setValue] = useState('');
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    await signIn(value.trim());
    setBusy(false);
  };
  return (
    <Container size="xs" py="xl" component="main">
      <form onSubmit={(event) => void submit(event)}>
        <Stack>
          <Title order={1} size="h2">
            Concordat
          </Title>
          <Text>This coordinator asks who you are. Show an API key, or a token of your identity provider.</Text>
          {error && (
            <Alert color="red" variant="outline" title="Not let in" role="alert">
              {error.message}
            </Alert>
          )}
          <PasswordInput
            label="API key or token"
            description="Kept in this tab, and forgotten when it is closed."
            autoComplete="off"
            required
            value={value}
            onChange={(event) => setValue(event.currentTarget.value)}
            visibilityToggleButtonProps={{
              'aria-label': 'Show or hide what is typed',
              tabIndex: 0,
              'aria-hidden': false,
            }}
          />
          <Button type="submit" loading={isBusy} disabled={value.trim() === ''}>
            Sign in
          </Button>
        </Stack>
      </form>
    </Container>
  );
}
