"""Sentences to be spoken, our own words: whole ones, and patterns filled with words; split by a hash of the text."""

import zlib
from functools import cache
from itertools import product

from contract.errors import ConfigError

HELD_OUT_SHARE = 10  # one sentence in ten

_ENGLISH_WHOLE = """
Hello, how are you today?|Good morning, and welcome.|Thank you very much.|Yes, of course.|No, not at all.
Maybe tomorrow.|I beg your pardon?|Wait a moment, please.|That sounds wonderful!|Oh, I see.
Well, let me think about it.|Goodbye, see you soon.|My brother bought a big map of Budapest.
Five foxes found the father's coffee very funny.|We always wonder why the wind blows west.
She should choose the cheaper shoes.|Thirty thin thieves thought about the weather.
The zoo is using these old zebras as a prize.|You used to chew juicy fruit in June.
Pack my box with plump purple plums.|A quiet king kept cool in the kitchen.|The moon moved above the empty bay.
Bob may be the best baker in Maple Bay.|Every evening her voice gives the valley life.
The yellow yacht is young Yuri's joy.|How now, the loud crowd found a mouse in the house.|Boys enjoy noisy toys.
I might try to find the right light tonight.|They say the rain may stay all day.|Go home slowly, the road is cold.
Look, the good cook took a book.|Who knew the blue room was too cool for you?
Father parked the large car far apart from the garden.|All autumn the dog walked along the wall.
Her first word was heard on Thursday.|The sun comes up above the other mountain.
Bed, red, head, and bread: get them ready.|See, these green leaves mean spring.|It is in his big tin kitchen.
An apple and a map landed on the black mat.|Measure your pleasure, not your treasure.
Sing along, the long song brings spring.|Ha, he hid his hat behind a heavy hedge.
Right around the rocky river, rabbits run.|Little Lily will tell a tall tale.
Just imagine a large orange giraffe on the bridge.|What would you want with a wet wig?|Stop! Put that pepper pot back.
One, two, three, four, five, six, seven, eight, nine, ten.|Eleven, twelve, thirteen, fourteen, fifteen.
Monday, Tuesday, Wednesday, Thursday, Friday.|January, February, March, and April.|Twenty-five frames make one second.
My mum mumbles in empty museums.|Papa prepared a proper supper.|Baby Abby bubbles about nothing.
Ooh, aah, eeh, what a view!|Mmm, that is good.|Ah, there you are.|Hmm, maybe not.|Wow, that is a big one!
Could you repeat the last part, please?|I have never been happier in my whole life.|Nobody told me about the meeting.
It seems to me that we have met before.|If you speak slowly, I can follow you.
Please put the blue paper on top of the pile.
"""
_ENGLISH_PATTERNS = (
    ("{} {} {}.", (
        ("My mother", "A brave pilot", "The whole family", "Our new neighbour", "Every farmer", "Somebody"),
        ("bought", "moved", "painted", "forgot", "chose", "washed"),
        ("a pair of brown boots", "the wooden table", "five bottles of milk", "an old piano", "the village church"),
    )),
    ("{} {}, {}?", (
        ("Can you", "Would you", "Why should we", "When will they"),
        ("open the window", "watch the film", "visit the museum", "feed the puppy"),
        ("my friend", "before lunch", "in the morning", "if it rains"),
    )),
    ("{} {} because {}.", (
        ("I stayed at home", "We took the early bus", "The shop was closed"),
        ("yesterday", "this week", "again"),
        ("the weather was awful", "my shoes were wet", "everybody had gone to the beach", "it was far too warm"),
    )),
    ("The {} {} {} the {}.", (
        ("boat", "wolf", "judge", "cheerful boy"),
        ("moved", "jumped", "walked"),
        ("over", "beneath", "past"),
        ("bridge", "mill", "purple fountain", "theatre"),
    )),
    ("{}, {} {} {}.", (
        ("Of course", "Honestly", "By the way", "If you ask me", "Believe it or not"),
        ("I would love", "we should try", "nobody wants", "you are welcome"),
        ("to meet", "to remember", "to phone", "to forgive"),
        ("a famous poet", "the poor old cobbler", "your boss's wife", "some more people"),
    )),
    ("{} {} {} {}?", (
        ("How", "Why", "Where exactly"),
        ("does a computer", "did your cousin", "could anybody"),
        ("prove", "find", "put together", "describe"),
        ("so much proof", "a beautiful voice", "the missing page", "a simple answer", "the shape of a wave"),
    )),
)  # fmt: skip

_GERMAN_WHOLE = """
Guten Morgen, wie geht es Ihnen?|Vielen Dank für Ihre Hilfe.|Ja, natürlich.|Nein, auf keinen Fall.|Einen Moment bitte.
Der Bäcker backt am Montag braunes Brot.|Zwölf böse Wölfe wohnen im Wald.|Über dem Fluss führt eine schöne Brücke.
Meine Mutter möchte Milch und Mehl.|Fünf Freunde fahren früh nach Füssen.|Das Pferd springt über den Bach.
Ich weiß nicht, ob das stimmt.|Können Sie das bitte wiederholen?|Es schneit seit heute früh.|Schöne Grüße aus Köln.
Eins, zwei, drei, vier, fünf, sechs, sieben, acht.|Papa prüft den Pappbecher.|Oma und Opa wohnen oben.
"""
_GERMAN_PATTERNS = (
    ("{} {} {}.", (
        ("Mein Bruder", "Die Lehrerin", "Unser Nachbar", "Das Mädchen"),
        ("kauft", "sucht", "malt", "bekommt"),
        ("ein blaues Boot", "den großen Schrank", "neue Möbel", "einen warmen Mantel"),
    )),
)  # fmt: skip

_FRENCH_WHOLE = """
Bonjour, comment allez-vous?|Merci beaucoup, c'est très gentil.|Oui, bien sûr.|Non, pas du tout.
Un petit moment, s'il vous plaît.|Mon père a beaucoup de pommes.|La lune brille sur le vieux pont.
Je voudrais un bon café.|Où est la rue du musée?|Ma mère mange une pomme rouge.
Les beaux oiseaux volent au-dessus de la montagne.|Il fait froid ce matin.|Une jeune fille chante dans le jardin.
Un, deux, trois, quatre, cinq, six, sept, huit.|Tout le monde parle en même temps.|Le boulanger prépare le pain.
Peux-tu ouvrir la fenêtre?|Nous avons vu un film amusant.
"""
_FRENCH_PATTERNS = (
    ("{} {} {}.", (
        ("Mon frère", "La voisine", "Un bon ami", "Le professeur"),
        ("achète", "cherche", "trouve", "regarde"),
        ("un bateau bleu", "la petite maison", "un peu de beurre", "le vieux chapeau"),
    )),
)  # fmt: skip

_SPANISH_WHOLE = """
Buenos días, ¿cómo está usted?|Muchas gracias por su ayuda.|Sí, por supuesto.|No, de ninguna manera.
Un momento, por favor.|Mi madre compra pan y mantequilla.|El perro pequeño bebe agua.|La familia vive cerca del mar.
Me gusta mucho la música.|Uno, dos, tres, cuatro, cinco, seis, siete, ocho.|El viejo puente cruza el río.
Papá prepara una buena sopa.|¿Puede repetirlo, por favor?|Hoy hace mucho calor.|El niño juega en la playa.
Mañana viajamos a Bilbao.|Una guitarra y una voz llenan la plaza.|Llueve desde las nueve.
"""
_SPANISH_PATTERNS = (
    ("{} {} {}.", (
        ("Mi hermano", "La profesora", "Nuestro vecino", "Una amiga"),
        ("compra", "busca", "pinta", "encuentra"),
        ("un barco azul", "la mesa grande", "muebles nuevos", "una bufanda de lana"),
    )),
)  # fmt: skip

_ITALIAN_WHOLE = """
Buongiorno, come sta?|Grazie mille per il suo aiuto.|Sì, certo.|No, per niente.|Un momento, per favore.
Mia madre mangia una mela matura.|Il bambino beve il latte.|La famiglia abita vicino al mare.
Mi piace molto la musica.|Uno, due, tre, quattro, cinque, sei, sette, otto.|Il vecchio ponte attraversa il fiume.
Papà prepara una buona zuppa.|Può ripetere, per favore?|Oggi fa molto caldo.|Gli uccelli volano sopra la montagna.
Domani andiamo a Bologna.|Una voce e una chitarra riempiono la piazza.|Piove da questa mattina.
"""
_ITALIAN_PATTERNS = (
    ("{} {} {}.", (
        ("Mio fratello", "La maestra", "Il nostro vicino", "Una buona amica"),
        ("compra", "cerca", "dipinge", "trova"),
        ("una barca blu", "il tavolo grande", "dei mobili nuovi", "una sciarpa di lana"),
    )),
)  # fmt: skip

_PORTUGUESE_WHOLE = """
Bom dia, como vai?|Muito obrigada pela sua ajuda.|Sim, com certeza.|Não, de jeito nenhum.|Um momento, por favor.
Minha mãe comprou pão e manteiga.|O menino bebe leite quente.|A família mora perto da praia.|Eu gosto muito de música.
Um, dois, três, quatro, cinco, seis, sete, oito.|A velha ponte passa por cima do rio.|Papai prepara uma boa sopa.
Pode repetir, por favor?|Hoje faz muito calor.|Os pássaros voam sobre a montanha.|Amanhã viajamos para Coimbra.
Uma voz e um violão enchem a praça.|Chove desde a manhã.
"""
_PORTUGUESE_PATTERNS = (
    ("{} {} {}.", (
        ("Meu irmão", "A professora", "O nosso vizinho", "Uma boa amiga"),
        ("compra", "procura", "pinta", "encontra"),
        ("um barco azul", "a mesa grande", "móveis novos", "um cachecol de lã"),
    )),
)  # fmt: skip

_DUTCH_WHOLE = """
Goedemorgen, hoe gaat het met u?|Hartelijk dank voor uw hulp.|Ja, natuurlijk.|Nee, helemaal niet.|Een ogenblikje.
Mijn moeder koopt melk en boter.|De bakker bakt bruin brood.|Wij wonen vlak bij de zee.|Ik hou veel van muziek.
Een, twee, drie, vier, vijf, zes, zeven, acht.|De oude brug gaat over de rivier.|Papa maakt een goede soep.
Kunt u dat nog eens zeggen?|Vandaag is het erg warm.|De vogels vliegen over het huis.|Morgen gaan we naar Utrecht.
Vijf vrienden varen vroeg weg.|Het regent al sinds vanmorgen.
"""
_DUTCH_PATTERNS = (
    ("{} {} {}.", (
        ("Mijn broer", "De juf", "Onze buurman", "Een goede vriend"),
        ("koopt", "zoekt", "verft", "vindt"),
        ("een blauwe boot", "de grote tafel", "nieuwe meubels", "een warme jas"),
    )),
)  # fmt: skip

_POLISH_WHOLE = """
Dzień dobry, jak się pan miewa?|Bardzo dziękuję za pomoc.|Tak, oczywiście.|Nie, w żadnym razie.|Chwileczkę, proszę.
Moja mama kupiła mleko i masło.|Piekarz piecze ciemny chleb.|Rodzina mieszka blisko morza.|Bardzo lubię muzykę.
Jeden, dwa, trzy, cztery, pięć, sześć, siedem, osiem.|Stary most prowadzi przez rzekę.|Tata gotuje dobrą zupę.
Czy może pan powtórzyć?|Dzisiaj jest bardzo ciepło.|Ptaki fruwają nad górami.|Jutro jedziemy do Poznania.
Babcia opowiada piękną bajkę.|Pada od samego rana.
"""
_POLISH_PATTERNS = (
    ("{} {} {}.", (
        ("Mój brat", "Nauczycielka", "Nasz sąsiad", "Dobra koleżanka"),
        ("kupuje", "maluje", "ogląda", "znajduje"),
        ("niebieską łódkę", "duży stół", "nowe meble", "ciepły płaszcz"),
    )),
)  # fmt: skip

_TURKISH_WHOLE = """
Günaydın, nasılsınız?|Yardımınız için çok teşekkür ederim.|Evet, tabii ki.|Hayır, hiç de değil.|Bir dakika, lütfen.
Annem ekmek ve tereyağı aldı.|Küçük köpek su içiyor.|Ailem denize yakın oturuyor.|Müziği çok seviyorum.
Bir, iki, üç, dört, beş, altı, yedi, sekiz.|Eski köprü nehrin üzerinden geçer.|Babam güzel bir çorba yapıyor.
Tekrar eder misiniz?|Bugün hava çok sıcak.|Kuşlar dağın üstünde uçuyor.|Yarın İzmir'e gidiyoruz.
Büyük bir vapur limana girdi.|Sabahtan beri yağmur yağıyor.
"""
_TURKISH_PATTERNS = (
    ("{} {} {}.", (
        ("Kardeşim", "Öğretmenimiz", "Komşumuz", "İyi bir arkadaşım"),
        ("mavi bir tekne", "büyük masayı", "yeni mobilyalar", "kalın bir palto"),
        ("aldı", "arıyor", "boyuyor", "buldu"),
    )),
)  # fmt: skip

_TEXTS = {
    "en": (_ENGLISH_WHOLE, _ENGLISH_PATTERNS),
    "de": (_GERMAN_WHOLE, _GERMAN_PATTERNS),
    "fr": (_FRENCH_WHOLE, _FRENCH_PATTERNS),
    "es": (_SPANISH_WHOLE, _SPANISH_PATTERNS),
    "it": (_ITALIAN_WHOLE, _ITALIAN_PATTERNS),
    "pt": (_PORTUGUESE_WHOLE, _PORTUGUESE_PATTERNS),
    "nl": (_DUTCH_WHOLE, _DUTCH_PATTERNS),
    "pl": (_POLISH_WHOLE, _POLISH_PATTERNS),
    "tr": (_TURKISH_WHOLE, _TURKISH_PATTERNS),
}


@cache
def sentences(language: str, held_out: bool = False) -> tuple[str, ...]:
    """All sentences of a language that train, or those held out; raises ConfigError for a language without any."""
    if language not in _TEXTS:
        raise ConfigError(f"no sentences in {language!r}, expected one of {sorted(_TEXTS)}")
    whole, patterns = _TEXTS[language]
    texts = [text.strip() for text in whole.replace("\n", "|").split("|") if text.strip()]
    for pattern, choices in patterns:
        texts.extend(pattern.format(*words) for words in product(*choices))
    return tuple(text for text in texts if is_held_out(text) == held_out)


def is_held_out(text: str) -> bool:
    """Whether a sentence is kept from training, decided by its text alone."""
    return zlib.crc32(text.encode()) % HELD_OUT_SHARE == 0
