package main

import (
	"bufio"
	"errors"
	"fmt"
	"strings"

	"github.com/tokenwatch/tokenwatch/ingest"
)

type fingerprintCommand struct {
	Format string `placeholder:"FORMAT" help:"Format of the gateway that logged the token, where that matters: litellm logs a hash of its keys, and kong the id of the credential."`
}

// Help is what --help says beyond the flags.
func (fingerprintCommand) Help() string {
	return `Tokens come from standard input so that they stay out of the shell's history and of the
list of processes:

  tokenwatch fingerprint < leaked.txt
  read -rs T && printf '%s\n' "$T" | tokenwatch fingerprint

Each line of output is the fingerprint in hex and the token's hint. Look it up with
  SELECT * FROM events WHERE token = unhex('...') ORDER BY ts`
}

// maxTokenBytes bounds a line: longer than any token, shorter than a wrong file.
const maxTokenBytes = 64 << 10

// Run prints a fingerprint for each token.
func (c fingerprintCommand) Run(p *process) error {
	cfg, err := p.load()
	if err != nil {
		return err
	}
	f, err := cfg.fingerprinter()
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(p.stdin)
	lines.Buffer(nil, maxTokenBytes)
	count := 0
	for lines.Scan() {
		token := strings.TrimSpace(lines.Text())
		if token == "" {
			continue
		}
		count++
		id, hint, err := ingest.FingerprintFor(f, c.Format, token)
		if err != nil {
			return fmt.Errorf("line %d: %w", count, err)
		}
		fmt.Fprintf(p.stdout, "%s  %s\n", id, hint)
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("a line is longer than %d bytes: that is no token", maxTokenBytes)
	}
	if count == 0 && lines.Err() == nil {
		return errors.New("no tokens on standard input; give one a line, for example: tokenwatch fingerprint < leaked.txt")
	}
	return lines.Err()
}
