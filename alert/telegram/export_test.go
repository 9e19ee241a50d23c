package telegram

import "github.com/go-telegram/bot/models"

// MaxUnits is Telegram's limit as the tests look at it.
const MaxUnits = maxUnits

// Trim is trim on a text and its entities.
func Trim(text string, entities []models.MessageEntity, limit int) (string, []models.MessageEntity) {
	c := trim(content{text, entities}, limit)
	return c.text, c.entities
}

// ParseCallback is for fuzzing.
var ParseCallback = parseCallback
