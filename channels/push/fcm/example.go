package fcm

// exampleKey is the private key in the example configuration, as it stands in JSON. It was made for this
// example and is nobody's. It is shorter than a real one.
const exampleKey = "" +
	`-----BEGIN PRIVATE KEY-----\nMIICeQIBADANBgkqhkiG9w0BAQEFAASCAmMwggJfAgEAAoGBAJlsrroS1ih8/x19\nmasrd` +
	`iyeIS//nk11JY+S+joLQLocA0sxgKQJ4vboRV9k9d2Zx0rdUbGbHbUehWwR\n3NLIreAz3Nn9d6BHWMTDbTdIUKQeWMpkqY7ZTh4` +
	`iVoKN7EttRhj225EqqgYeYRWn\nB0qThXgu5wGC5UewF9uoavr+0Y2LAgMBAAECgYEAli6k+s/lgsyYja2c9skcbKB9\nrBZ0Ry4` +
	`dDmW5O4g4W/V/4+MZIXnsCfVjsvWJFtqpEseCaHCGq/ysbhUuK8b1K7aS\nDwsXKQcePKMvxsX9bCiTwm5riCO0cZ8AwgA25P1Cw` +
	`RUxFPD9wp3nDjLSGGCB4dqT\nfrOukOWc+/BGHf1yRoECQQDIp4w7JKRyJPPRSNRYi5+0tIMdrhnYNoFenBY3qDdq\n/kKXyvhqL` +
	`c/8o4dJBwpyg4A2UEDUKPX296sroN1C1pV5AkEAw74sFydkCkuVsFxX\nfBdv2HNsJBjlmpjqfHbFl9Wp4Fii2I9DaQi6MAD+3Eq` +
	`3g9X/5wJdLZz7vBI7evYt\nrqKOIwJBAKCVPmwiwhy7qAlo8NBARbsX8Arzx6k6zcRKxJkcXeWZwO+8N5y6N0bo\nFKAEK39D8Hs` +
	`HNSrV8SsKQQn0fr87/nkCQQCvxsMJN9JafG27pfDZ+qHxmhTuhX0K\nS2+mvXHLW4/lazMxjdVXKQMpwHsdj+skdLQM2s6Z+3MD/` +
	`Mt1LETxogBJAkEAsyLD\n8nZcD6G3MRkZqgNCxsWeHjTJ8GXas6P1YNZGEtF1tdXU8MdtHPNxBjp2d2J0puT1\npAbnTpWGuQKH/` +
	`fiLWQ==\n-----END PRIVATE KEY-----\n`
