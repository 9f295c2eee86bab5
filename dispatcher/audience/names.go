package audience

import "math/rand/v2"

// fakeName makes up a name that suits the locale.
func fakeName(locale string, rng *rand.Rand) string {
	given := []string{"Ana", "Andrei", "Cristina", "Doina", "Elena", "Ion", "Maria", "Mihai", "Natalia", "Nicolae",
		"Olga", "Petru", "Sergiu", "Ștefan", "Tatiana", "Vasile", "Victoria", "Viorica"}
	family := []string{"Botnaru", "Cebotari", "Ceban", "Ciobanu", "Cojocaru", "Croitoru", "Lungu", "Moraru",
		"Munteanu", "Popa", "Rotaru", "Rusu", "Sîrbu", "Ursu", "Țurcanu"}
	if locale == "ru" {
		given = []string{"Алексей", "Анна", "Виктор", "Елена", "Игорь", "Людмила", "Максим", "Мария", "Наталья",
			"Ольга", "Павел", "Сергей", "Татьяна", "Юрий"}
		family = []string{"Бондаренко", "Гончар", "Кравченко", "Лысенко", "Мельник", "Мороз", "Руденко",
			"Руссу", "Ткач", "Чебан", "Шевченко"}
	}
	return given[rng.IntN(len(given))] + " " + family[rng.IntN(len(family))]
}
