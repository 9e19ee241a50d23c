package slack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/slack-go/slack"

	"github.com/tokenwatch/tokenwatch/alert"
)

const (
	// pictureTime bounds drawing and uploading together: the next message waits for it.
	pictureTime = 8 * time.Second
	pictureName = "incident.png"
	pictureText = "Requests an hour against what is expected, hours of the week, places"
)

// illustrate puts the picture into the thread of a message that was posted, or where an
// earlier attempt failed, of one that was edited. The message has arrived by then: whatever
// goes wrong with the picture is passed over, and tried again with the next edit.
func (n *Notifier) illustrate(ctx context.Context, m alert.Message, posted string) string {
	r, ok := parseRef(posted)
	if m.Picture == nil || m.Kind != alert.KindIncident || !ok || r.pictured {
		return posted
	}
	r.pictured = n.upload(ctx, m, r)
	return r.String()
}

// upload reports whether that is done with: what Slack refuses for good is not tried again.
func (n *Notifier) upload(ctx context.Context, m alert.Message, to ref) bool {
	err := n.tryUpload(ctx, m, to)
	if err != nil {
		n.blurred(err)
	}
	return err == nil || errors.As(err, new(alert.Permanent))
}

// tryUpload takes the three steps: ask where to, send the file, share it in the thread.
func (n *Notifier) tryUpload(ctx context.Context, m alert.Message, to ref) error {
	ctx, cancel := context.WithTimeout(ctx, pictureTime)
	defer cancel()
	data, err := m.Picture(ctx)
	if err != nil || len(data) == 0 { // without an error, there is nothing to draw
		return err
	}
	target, err := n.client.GetUploadURLExternalContext(ctx, slack.GetUploadURLExternalParameters{
		FileName: pictureName, FileSize: len(data), AltTxt: pictureText,
	})
	if err != nil {
		return n.explain(err)
	}
	if err := n.transfer(ctx, target.UploadURL, data); err != nil {
		return err
	}
	_, err = n.client.CompleteUploadExternalContext(ctx, slack.CompleteUploadExternalParameters{
		Files:   []slack.FileSummary{{ID: target.FileID, Title: escape(m.Title, maxHeader)}},
		Channel: to.channel, ThreadTimestamp: to.ts,
	})
	return n.explain(err)
}

// transfer sends the file where Slack said. The bot's token does not go along, which
// slack-go's own way would have it do: the address is an answer, not configuration.
func (n *Notifier) transfer(ctx context.Context, target string, data []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(data))
	if err != nil {
		return errors.New("slack: the answer holds no address for the picture")
	}
	req.Header.Set("Content-Type", "image/png")
	resp, err := n.http.Do(req)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err // without the address, which lets whoever has it upload
		}
		return fmt.Errorf("slack: uploading the picture: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body) // so that the connection is used again
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("slack: uploading the picture: HTTP %d", resp.StatusCode)
	}
	return nil
}
