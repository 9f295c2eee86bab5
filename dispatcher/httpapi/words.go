package httpapi

import (
	"strings"

	"github.com/tocsin-dev/tocsin/channels"
)

// words are what customers are told about their consents, in one language. %s is the organisation.
// Replies to messages hold no letter that would make an SMS longer than it needs to be.
type words struct {
	optOut, optIn, help string // replies

	title, ask, button, done, hint, gone string // of the page behind an unsubscribe link
}

// wordsFor returns the words in the language of a BCP 47 tag; English where there are none.
func wordsFor(locale string) (language string, w words) {
	language, _, _ = strings.Cut(strings.ToLower(locale), "-")
	switch language {
	case "ro":
		return language, words{
			optOut: "%s: nu va mai trimitem mesaje despre intreruperi aici. Scrieti START ca sa reveniti.",
			optIn:  "%s: va trimitem din nou mesaje despre intreruperi aici. Scrieti STOP ca sa le opriti.",
			help:   "%s: mesaje despre intreruperi ale serviciilor. Scrieti STOP ca sa le opriti, START ca sa reveniti.",
			title:  "Mesaje despre întreruperi", ask: "Nu mai doriți mesaje despre întreruperi pe acest canal?", button: "Dezabonează-mă",
			done: "Nu vă mai trimitem mesaje despre întreruperi pe acest canal.", hint: "Dacă v-ați răzgândit, scrieți-ne.",
			gone: "Acest link nu mai este valabil. Folosiți-l pe cel din ultimul mesaj primit.",
		}
	case "ru":
		return language, words{
			optOut: "%s: больше не пишем сюда о сбоях. Вернуться: START",
			optIn:  "%s: снова пишем сюда о сбоях. Отписаться: STOP",
			help:   "%s: сообщения о сбоях. STOP - отписаться, START - вернуться",
			title:  "Сообщения о сбоях", ask: "Больше не присылать сообщения о сбоях по этому каналу?", button: "Отписаться",
			done: "Мы больше не присылаем сообщения о сбоях по этому каналу.", hint: "Если передумаете, напишите нам.",
			gone: "Эта ссылка больше не действует. Воспользуйтесь ссылкой из последнего сообщения.",
		}
	default:
		return "en", words{
			optOut: "%s: you will get no more outage messages here. Reply START to get them again.",
			optIn:  "%s: you will get outage messages here again. Reply STOP to end them.",
			help:   "%s: messages about service outages. Reply STOP to end them, START to get them again.",
			title:  "Outage messages", ask: "Do you want no more outage messages on this channel?", button: "Unsubscribe",
			done: "You will get no more outage messages on this channel.", hint: "Should you change your mind, write to us.",
			gone: "This link is no longer valid. Please use the one in the latest message.",
		}
	}
}

// replyText is what is answered to a wish.
func (s *Server) replyText(wish channels.Wish, locale string) string {
	_, w := wordsFor(locale)
	text := w.help
	switch wish {
	case channels.OptOut:
		text = w.optOut
	case channels.OptIn:
		text = w.optIn
	case channels.NoWish, channels.WantHelp:
	}
	return strings.Replace(text, "%s", s.Organisation, 1)
}
