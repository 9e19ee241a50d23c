package main

import (
	"bufio"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/ingest/format"
	"github.com/tokenwatch/tokenwatch/schema"
)

type fingerprintCommand struct {
	Format     string `placeholder:"FORMAT" xor:"kind" help:"Gateway that logged the token, where it matters: litellm logs a hash of its keys."`
	Credential string `placeholder:"FORMAT" xor:"kind" help:"The lines are no tokens but ids by which a gateway of this format names credentials: kong."`
}

// Help is what --help says beyond the flags.
func (fingerprintCommand) Help() string {
	return `Tokens come from standard input so that they stay out of the shell's history and of the
list of processes:

  tokenwatch fingerprint < leaked.txt
  read -rs T && printf '%s\n' "$T" | tokenwatch fingerprint

Each line of output is a fingerprint in hex. Look it up with
  SELECT * FROM events WHERE token = unhex('...') ORDER BY ts

While peppers are rotated (ingest.former_pepper_file) a second column has the fingerprint under the former one, which
older events and findings have. The views by token answer with the whole history for either.`
}

// maxTokenBytes bounds a line: longer than any token, shorter than a wrong file.
const maxTokenBytes = 64 << 10

// Run prints a fingerprint for each token.
func (c fingerprintCommand) Run(p *process) error {
	if err := c.check(); err != nil {
		return err
	}
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
		line := c.of(f, []byte(token)).String()
		if former := f.Former(); former != nil {
			line += "\t" + c.of(former, []byte(token)).String()
		}
		fmt.Fprintln(p.stdout, line)
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("a line is longer than %d bytes: that is no token", maxTokenBytes)
	}
	if count == 0 && lines.Err() == nil {
		return errors.New("no tokens on standard input; give one a line, for example: tokenwatch fingerprint < leaked.txt")
	}
	return lines.Err()
}

// check refuses formats that no record can have: their fingerprints would be found nowhere.
func (c fingerprintCommand) check() error {
	for flag, name := range map[string]string{"--format": c.Format, "--credential": c.Credential} {
		if name != "" && !slices.Contains(format.Names(), name) {
			return fmt.Errorf("%s: %q is none of %s", flag, name, strings.Join(format.Names(), ", "))
		}
	}
	return nil
}

func (c fingerprintCommand) of(f *ingest.Fingerprinter, line []byte) schema.TokenID {
	if c.Credential != "" {
		return f.Credential(c.Credential, line)
	}
	return f.For(c.Format, line)
}
