package push

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest/unpack"
)

// Path is where the handler belongs.
const Path = "/v1/logs"

// TopicHeader names the topic where the URL cannot.
const TopicHeader = "X-Tokenwatch-Topic"

// Result is what became of a body.
type Result struct {
	Records int `json:"accepted"`
	Unkeyed int `json:"unkeyed,omitempty"` // of these, records in which no token was found: they will be dead letters
	Cut     int `json:"cut,omitempty"`     // of these, records that were too long
}

// Deliver brings the records of a body into a topic and returns when all of them are safe there. After an error some may be.
type Deliver func(ctx context.Context, topic string, body []byte) (Result, error)

// Observer is told of every answer, for metrics.
type Observer interface {
	Answered(status, records, bytes int)
}

// Handler serves Path. Until Open is called it asks senders to wait.
type Handler struct {
	cfg      Config
	topics   []string
	doorman  doorman
	budget   budget
	deliver  atomic.Pointer[Deliver]
	failing  atomic.Bool
	observer Observer
	log      *slog.Logger
}

// New makes a handler for topics, of which the first is where logs go that name none.
func New(cfg Config, topics []string, observer Observer, log *slog.Logger) (*Handler, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	tokens, err := cfg.tokens()
	if err != nil {
		return nil, err
	}
	return &Handler{
		cfg: cfg, topics: topics, doorman: newDoorman(tokens), budget: budget{left: cfg.MaxInFlightBytes}, observer: observer, log: log,
	}, nil
}

// Open lets logs in.
func (h *Handler) Open(deliver Deliver) { h.deliver.Store(&deliver) }

// refusal is an answer that is not 200.
type refusal struct {
	status int
	wait   time.Duration // Retry-After
	reason string
}

func (r *refusal) Error() string { return r.reason }

func refuse(status int, format string, args ...any) *refusal {
	return &refusal{status: status, reason: fmt.Sprintf(format, args...)}
}

// ServeHTTP takes one body.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(h.cfg.Timeout)) // refused bodies too: the server reads some of them. A recorder in a test has none
	result, size, err := h.take(r)
	w.Header().Set("Content-Type", "application/json")
	status, answer := http.StatusOK, any(result)
	if no := (*refusal)(nil); errors.As(err, &no) {
		status, answer = no.status, map[string]string{"error": no.reason}
		h.explain(w, no)
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // a sender who is gone sends again
	h.observer.Answered(status, result.Records, size)
}

func (h *Handler) explain(w http.ResponseWriter, no *refusal) {
	switch no.status {
	case http.StatusUnauthorized:
		w.Header().Add("WWW-Authenticate", `Bearer realm="tokenwatch"`)
		w.Header().Add("WWW-Authenticate", `Basic realm="tokenwatch"`)
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", "POST, PUT, PATCH")
	}
	if no.wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(no.wait.Seconds())))
	}
}

func (h *Handler) take(r *http.Request) (Result, int, error) {
	if err := h.admit(r); err != nil {
		return Result{}, 0, err
	}
	topic, err := h.topic(r)
	if err != nil {
		return Result{}, 0, err
	}
	deliver := h.deliver.Load()
	if deliver == nil {
		return Result{}, 0, &refusal{http.StatusServiceUnavailable, 5 * time.Second, "tokenwatch is starting; /readyz says what it waits for"}
	}
	b := &body{from: &h.budget}
	defer b.free()
	if err := b.read(r, h.cfg.MaxBodyBytes); err != nil {
		return Result{}, 0, h.unread(err)
	}
	result, err := h.pass(r, topic, b, *deliver)
	return result, len(b.text), err
}

// admit checks everything that does not need the body.
func (h *Handler) admit(r *http.Request) error {
	if len(h.doorman) == 0 {
		return refuse(http.StatusNotFound, "the HTTP intake is off: set intake.token (TOKENWATCH_INTAKE_TOKEN) or intake.token_file to turn it on")
	}
	if !slices.Contains([]string{http.MethodPost, http.MethodPut, http.MethodPatch}, r.Method) {
		return refuse(http.StatusMethodNotAllowed, "send logs with POST; /healthz answers GET")
	}
	if !h.doorman.admits(r) {
		if inURL(r) {
			return refuse(http.StatusUnauthorized, "a token in the URL is not accepted, since URLs are logged on the way: send it as \"Authorization: Bearer ...\"")
		}
		return refuse(http.StatusUnauthorized, "send a token of intake.token as \"Authorization: Bearer ...\", as the password of Basic, or as X-API-Key")
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if unread, why := unreadable(kind); unread {
		return refuse(http.StatusUnsupportedMediaType, "Content-Type %.80q: %s", kind, why)
	}
	return nil
}

// unreadable tells the kinds of bodies that hold no records that anybody here could read. All others may: Cloudflare names
// none, curl names a form, and many agents say application/json whatever they send.
func unreadable(kind string) (bool, string) {
	switch {
	case strings.Contains(kind, "msgpack"):
		return true, "MessagePack is not read; configure the agent to send JSON (Fluent Bit: format json_lines)"
	case strings.Contains(kind, "protobuf"), strings.Contains(kind, "grpc"), strings.Contains(kind, "avro"):
		return true, "want JSON, NDJSON or lines of text"
	case strings.HasPrefix(kind, "multipart/"):
		return true, "want the records themselves as the body (curl --data-binary @FILE)"
	case strings.HasSuffix(kind, "xml"), strings.HasPrefix(kind, "image/"), strings.HasPrefix(kind, "audio/"), strings.HasPrefix(kind, "video/"):
		return true, "want JSON, NDJSON or lines of text"
	}
	return false, ""
}

// topic is where the records go: only where somebody reads them.
func (h *Handler) topic(r *http.Request) (string, error) {
	name := r.URL.Query().Get("topic")
	if name == "" {
		name = r.Header.Get(TopicHeader)
	}
	if name == "" {
		return h.topics[0], nil
	}
	if !slices.Contains(h.topics, name) {
		return "", refuse(http.StatusBadRequest, "topic %.80q is none of %s (kafka.topic and kafka.further_topics)", name, strings.Join(h.topics, ", "))
	}
	return name, nil
}

// unread says why a body could not be read.
func (h *Handler) unread(err error) error {
	switch {
	case errors.Is(err, errFull):
		return &refusal{http.StatusTooManyRequests, time.Second, "too much at once (intake.max_in_flight_bytes); send it again"}
	case errors.Is(err, errTooLarge), errors.As(err, new(*http.MaxBytesError)):
		return refuse(http.StatusRequestEntityTooLarge, "more than %d bytes, decompressed (intake.max_body_bytes); send smaller batches", h.cfg.MaxBodyBytes)
	case errors.Is(err, unpack.ErrUnknown):
		return refuse(http.StatusUnsupportedMediaType, "Content-Encoding: %v", err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return refuse(http.StatusRequestTimeout, "the body did not come within %s (intake.timeout)", h.cfg.Timeout)
	case errors.Is(err, unpack.ErrCorrupt):
		return refuse(http.StatusBadRequest, "the body is %v", err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return refuse(http.StatusBadRequest, "the body ended early")
	}
	return refuse(http.StatusBadRequest, "the body cannot be read: %v", err)
}

// pass hands the body on and words what came of it.
func (h *Handler) pass(r *http.Request, topic string, b *body, deliver Deliver) (Result, error) {
	if b.isTrial() {
		return Result{}, nil
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "application/json" && len(b.text) > 0 {
		if err := b.broken(); err != nil {
			return Result{}, refuse(http.StatusBadRequest, "not JSON: %s (lines of text are sent as text/plain)", where(err))
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), h.cfg.Timeout)
	defer cancel()
	result, err := deliver(ctx, topic, b.text)
	if err == nil || r.Context().Err() == nil { // a sender who hung up says nothing about Kafka
		h.note(topic, err)
	}
	if err != nil {
		return result, &refusal{http.StatusServiceUnavailable, 5 * time.Second, "Kafka does not take the records at the moment; send all of them again"}
	}
	if result.Records == 0 && bytes.IndexByte(b.text, '[') < 0 {
		return result, refuse(http.StatusBadRequest, "no records in the body: want a JSON object, an array of them, or a record a line")
	}
	return result, nil
}

// note logs when records begin not to be taken, and when they are again.
func (h *Handler) note(topic string, err error) {
	switch failing := err != nil; {
	case failing && !h.failing.Swap(true):
		h.log.Warn("the HTTP intake cannot pass records on to Kafka; senders are asked to send again", "topic", topic, "error", err)
	case !failing && h.failing.Swap(false):
		h.log.Info("the HTTP intake passes records on to Kafka again", "topic", topic)
	}
}

// where says at which byte JSON went wrong, and nothing of what stands there: it may be a secret.
func where(err error) string {
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return fmt.Sprintf("wrong at byte %d", syntax.Offset)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "it ends in the middle of a value"
	}
	return "no value"
}
