package slack

import (
	"github.com/slack-go/slack"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

// Ids of the buttons. What is pressed comes back with them; the value is the incident's id.
const (
	ActionOwner  = "tw_owner"  // it was us
	ActionTheft  = "tw_theft"  // confirmed theft
	ActionSnooze = "tw_snooze" // say nothing more of it for a while
	ActionAck    = "tw_ack"    // somebody is looking at it
	ActionRevoke = "tw_revoke" // revoke the token, now
	ActionKeep   = "tw_keep"   // do not revoke it
)

// appendButtons offers what can be said of an incident that is not over. The one that has
// consequences at the gateway asks again.
func appendButtons(blocks []slack.Block, m alert.Message) []slack.Block {
	if m.Trial || m.Kind != alert.KindIncident || m.Incident.State == schema.IncidentResolved {
		return blocks
	}
	id := m.Incident.ID
	theft := button(ActionTheft, id, "Confirmed theft").WithStyle(slack.StyleDanger).WithConfirm(slack.NewConfirmationBlockObject(
		label("Confirm the theft?"), label("What was seen will never count as normal, and the token may be revoked."),
		label("It was theft"), label("Cancel"),
	))
	row := []slack.BlockElement{button(ActionOwner, id, "It was us").WithStyle(slack.StylePrimary), theft}
	if m.Incident.State == schema.IncidentOpen {
		row = append(row, button(ActionAck, id, "Acknowledge"))
	}
	row = append(row, button(ActionSnooze, id, "Snooze"))
	if decide := decisions(&m.Incident); len(decide) > 0 {
		blocks = append(blocks, slack.NewActionBlock("token", decide...))
	}
	return append(blocks, slack.NewActionBlock("buttons", row...))
}

// decisions are the buttons about what becomes of the token, where that is asked.
func decisions(inc *schema.Incident) []slack.BlockElement {
	var row []slack.BlockElement
	for _, b := range alert.Buttons(inc) {
		switch b.Action {
		case ActionRevoke:
			row = append(row, button(ActionRevoke, inc.ID, b.Text).WithStyle(slack.StyleDanger).WithConfirm(slack.NewConfirmationBlockObject(
				label("Revoke the token?"), label("Whoever uses it cannot any more, its owner included."), label("Revoke"), label("Cancel"),
			)))
		case ActionKeep:
			row = append(row, button(ActionKeep, inc.ID, b.Text))
		}
	}
	return row
}

func button(action, incident, words string) *slack.ButtonBlockElement {
	return slack.NewButtonBlockElement(action, incident, label(words))
}

func label(words string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, words, true, false)
}
