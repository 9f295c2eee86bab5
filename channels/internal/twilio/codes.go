package twilio

import "github.com/tocsin-dev/tocsin/channels"

// ClassOf says what an error code means for an attempt. It returns false for codes that aren't in the
// table: then the HTTP status says enough, or all that there is to be said. Codes are described at
// https://www.twilio.com/docs/api/errors/<code>.
//
// InvalidAddress is for what is wrong with this number for good; what may be better tomorrow (a
// phone that is switched off, a filter) is Rejected, since an address is remembered as invalid. What our
// account, sender or registration lacks is Auth: nothing goes out until somebody acts.
func ClassOf(code int) (channels.Class, bool) {
	switch code {
	case 13223, // a number's format is invalid
		13224, // the number is invalid, or can't be called
		13226, // no such country code
		21201, // 'To' is missing (call)
		21211, // invalid 'To'
		21214, // 'To' can't be reached
		21217, // 'To' does not appear to be valid
		21265, // 'To' can't be a short code
		21266, // 'To' and 'From' are the same
		21268, // 'To' is an information service
		21604, // 'To' is missing (message)
		21610, // the recipient has opted out
		21614, // 'To' is no mobile number
		21635, // 'To' is a landline
		30005, // unknown destination
		30006, // landline, or a carrier that can't be reached
		63003, // the channel knows no such 'To'
		63014, // blocked by the recipient
		63015, // not a member of the channel's sandbox
		63024, // the channel refuses the recipient
		63031, // 'To' and 'From' are the same (channel)
		63033, // the recipient has blocked the business
		63036: // RCS can't reach the number
		return channels.InvalidAddress, true
	case 13225, // the number may not be called
		13227, // no permission to call this country
		21203, // calls abroad aren't enabled
		21205, // invalid URL
		21215, // no permission to call this number's region
		21216, // no permission to call this number
		21219, // trial account, unverified number (call)
		21408, // no permission to send to this region
		21602, // no text
		21605, // text too long
		21606, // 'From' doesn't work for this destination
		21608, // trial account, unverified number (message)
		21612, // this 'To' can't be reached from this 'From'
		21617, // text too long
		21618, // text that can't be sent
		21619, // no text, media or content
		21620, // invalid media URL
		21623, // too many media
		21624, // invalid validity period
		21627, // invalid price limit
		21654, // content SID is missing
		21655, // content SID is invalid
		21656, // content variables are invalid
		21658, // a parameter is too long
		21659, // short code of another country
		21910, // 'From' and 'To' are of different channels
		30003, // the phone can't be reached now
		30004, // blocked, by the recipient's carrier or phone
		30007, // filtered as unwanted
		30010, // costs more than the limit that was given
		30011, // MMS isn't taken there
		30019, // larger than the carrier takes
		30036, // the validity period has passed
		30038, // filtered as a password
		30039, // a loop of messages
		30043, // international over a domestic gateway
		30044, // longer than a trial account may send
		30450, // delivery blocked
		63005, // the channel doesn't accept the content
		63006, // the content can't be put into the channel's form
		63013, // against the channel's policy
		63016, // outside of the channel's window, a template is required
		63019, // media can't be fetched
		63021, // invalid content
		63027, // no such template in this language
		63028, // wrong number of template parameters
		63029, // the recipient couldn't get the template
		63030, // a parameter that the template doesn't take
		63032, // the channel doesn't deliver to this recipient now
		63035: // the RCS sender isn't launched there
		return channels.Rejected, true
	case 10001, // account is not active
		10002, // trial accounts can't do this
		10005, // calls are disabled for this account
		20003, // authentication failed
		20005, // account is not active
		20006, // access denied
		20008, // test credentials
		20403, // forbidden
		20404, // no such account
		21210, // 'From' is not verified (call)
		21212, // invalid 'From'
		21213, // 'From' is missing (call)
		21267, // trial accounts have no alphanumeric senders
		21601, // 'From' is not a sender of this account
		21603, // 'From' is missing
		21607, // 'From' isn't the sandbox's
		21609, // invalid status callback: our public URL
		21616, // 'From' is several numbers of this account
		21660, // 'From' belongs to another account
		21661, // 'From' can't send SMS
		21701, // no such messaging service
		21703, // the messaging service has no senders
		21704, // the messaging service has no sender for this
		21705, // no such messaging service
		21709, // the messaging service may not use this name
		21711, // the sender isn't the messaging service's
		30002, // account suspended
		30018, // the carrier wants the sender registered
		30024, // the carrier doesn't know the numeric sender
		30032, // toll-free number not verified
		30033, // US campaign suspended
		30034, // US number not registered
		30035, // US number still being registered
		30037, // outbound messages are disabled
		30040, // the carrier wants the name registered
		30041, // unregistered number to the United Kingdom
		63001, // the channel refuses our credentials
		63002, // the channel knows no such 'From'
		63007, // no channel with this 'From'
		63008, // the channel is misconfigured
		63020, // the business account has a problem
		63022: // the business's certificate is invalid
		return channels.Auth, true
	case 10004, // too many calls at once
		14107, // too fast for the sender
		20429, // too many requests at once; not processed
		21611, // the sender's queue is full
		30001, // queue overflow
		30022, // too fast for the US campaign
		30023, // the US campaign's day is full
		30027, // the carrier's day is full
		30454, // the account's day is full
		63017, // too fast for the channel
		63018, // too fast for the channel
		63038: // daily limit of the account
		return channels.RateLimited, true
	case 20503, // service unavailable
		21730: // maintenance
		return channels.Unavailable, true
	}
	return channels.Unknown, false
}
