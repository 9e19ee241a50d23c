package backtest

import (
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// FindingWriter writes findings, a JSON object a line.
type FindingWriter struct{ to *json.Encoder }

// NewFindingWriter writes to w.
func NewFindingWriter(w io.Writer) *FindingWriter {
	to := json.NewEncoder(w)
	to.SetEscapeHTML(false)
	return &FindingWriter{to}
}

// found is a finding as it is written: what one needs to join it with other data comes first.
type found struct {
	Time      time.Time         `json:"time"`
	Token     string            `json:"token"` // fingerprint, in hexadecimal
	Name      string            `json:"name,omitempty"`
	Hint      string            `json:"token_hint,omitempty"`
	Consumer  string            `json:"consumer,omitempty"`
	Score     float64           `json:"score"`
	Severity  string            `json:"severity"`
	Detectors []string          `json:"detectors"`
	Summary   string            `json:"summary"`
	Evidence  []schema.Evidence `json:"evidence"`
}

// Write writes one finding; name is what the input calls its token, if it may be told.
func (w *FindingWriter) Write(f *schema.Finding, name string) error {
	out := found{
		Time: f.Time.UTC(), Token: hex.EncodeToString(f.Token[:]), Name: name, Hint: f.TokenHint, Consumer: f.Consumer,
		Score: f.Score, Severity: f.Severity.String(), Detectors: detectorNames(f.Evidence), Summary: f.Summary, Evidence: f.Evidence,
	}
	return w.to.Encode(out)
}

// detectorNames are the detectors of the evidence, the strongest first.
func detectorNames(evidence []schema.Evidence) []string {
	names := []string{}
	told := map[string]bool{}
	for _, e := range evidence {
		if !told[e.Detector] {
			told[e.Detector] = true
			names = append(names, e.Detector)
		}
	}
	return names
}

// ScoreWriter writes scores as compressed CSV: ts,token,score.
type ScoreWriter struct {
	zip  *gzip.Writer
	line []byte
	at   func(dst []byte, at time.Time) []byte
}

// NewScoreWriter writes to w, moments as at does; nil means RFC 3339.
func NewScoreWriter(w io.Writer, at func(dst []byte, at time.Time) []byte) (*ScoreWriter, error) {
	if at == nil {
		at = (&moments{}).write
	}
	zip, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	_, err = io.WriteString(zip, "ts,token,score\n")
	return &ScoreWriter{zip: zip, at: at}, err
}

// Write writes a row. Without a name the token is written as its fingerprint.
func (w *ScoreWriter) Write(at time.Time, token schema.TokenID, name string, score float64) error {
	line := append(w.at(w.line[:0], at), ',')
	if name == "" {
		line = hex.AppendEncode(line, token[:])
	} else {
		line = appendField(line, name)
	}
	if score < 1 {
		score = min(score, 0.999999) // what is no alert must not be rounded to one
	}
	line = strconv.AppendFloat(append(line, ','), score, 'g', 6, 64)
	w.line = append(line, '\n')
	_, err := w.zip.Write(w.line)
	return err
}

// appendField quotes a name where CSV needs it.
func appendField(dst []byte, name string) []byte {
	for _, c := range []byte(name) {
		if c == '"' || c == ',' || c == '\n' || c == '\r' {
			return fmt.Appendf(dst, "%s", quote(name))
		}
	}
	return append(dst, name...)
}

func quote(name string) []byte {
	out := []byte{'"'}
	for _, c := range []byte(name) {
		if c == '"' {
			out = append(out, '"')
		}
		out = append(out, c)
	}
	return append(out, '"')
}

// Close writes what is still held back.
func (w *ScoreWriter) Close() error { return w.zip.Close() }
