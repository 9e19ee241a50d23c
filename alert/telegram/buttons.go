package telegram

import (
	"github.com/go-telegram/bot/models"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

// What a button sends back is CallbackPrefix, one of these, a colon and the incident's id.
// Telegram takes 64 bytes.
const (
	CallbackPrefix = "tw:"
	CallbackOwner  = "owner"  // it was us
	CallbackTheft  = "theft"  // confirmed theft
	CallbackSnooze = "snooze" // say nothing more of it for a while
	CallbackAck    = "ack"    // somebody is looking at it
	CallbackRevoke = "revoke" // revoke the token, now
	CallbackKeep   = "keep"   // do not revoke it

	maxCallback = 64
)

// keyboard offers what can be said of an incident that is not over. An edit without it takes
// the buttons away.
func (n *Notifier) keyboard(m alert.Message) models.ReplyMarkup {
	id := m.Incident.ID
	if !n.buttons || m.Trial || m.Kind != alert.KindIncident || m.Incident.State == schema.IncidentResolved || !fits(id) {
		return nil
	}
	second := []models.InlineKeyboardButton{press(CallbackSnooze, id, "Snooze")}
	if m.Incident.State == schema.IncidentOpen {
		second = append([]models.InlineKeyboardButton{press(CallbackAck, id, "Acknowledge")}, second...)
	}
	rows := [][]models.InlineKeyboardButton{{press(CallbackOwner, id, "It was us"), press(CallbackTheft, id, "Confirmed theft")}, second}
	if decide := decisions(&m.Incident); len(decide) > 0 {
		rows = append([][]models.InlineKeyboardButton{decide}, rows...)
	}
	return &models.InlineKeyboardMarkup{InlineKeyboard: rows}
}

// decisions are the buttons about what becomes of the token, where that is asked.
func decisions(inc *schema.Incident) []models.InlineKeyboardButton {
	var row []models.InlineKeyboardButton
	for _, b := range alert.Buttons(inc) {
		switch b.Kind {
		case schema.VerdictRevoke:
			row = append(row, press(CallbackRevoke, inc.ID, b.Text))
		case schema.VerdictKeep:
			row = append(row, press(CallbackKeep, inc.ID, b.Text))
		}
	}
	return row
}

func press(kind, incident, words string) models.InlineKeyboardButton {
	return models.InlineKeyboardButton{Text: words, CallbackData: CallbackPrefix + kind + ":" + incident}
}

// fits reports whether the longest of the buttons can carry the id.
func fits(id string) bool { return len(CallbackPrefix)+len(CallbackRevoke)+1+len(id) <= maxCallback }
