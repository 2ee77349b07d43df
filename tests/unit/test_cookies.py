from studiolo.web import cookies

SECRET = "s" * 32
KEYS = [f"{number:016x}" for number in range(12)]


def _jar(made_at: dict[str, int]) -> dict[str, str]:
    return {cookies.FRAME_PREFIX + key: f"{moment}.{SECRET}" for key, moment in made_at.items()}


def test_own_sign_in_is_lax_secure_and_hidden_from_scripts():
    line = cookies.set_sign_in(SECRET, lifetime_seconds=60, is_secure=True)
    assert line == f"__Host-studiolo-sign-in={SECRET}; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"


def test_own_sign_in_over_http_has_a_plain_name_and_is_not_taken_for_the_secure_one():
    line = cookies.set_sign_in(SECRET, lifetime_seconds=60, is_secure=False)
    assert line == f"studiolo-sign-in={SECRET}; Path=/; Max-Age=60; HttpOnly; SameSite=Lax"
    assert cookies.sign_in_secret({"studiolo-sign-in": SECRET}, is_secure=True) is None
    assert cookies.sign_in_secret({"studiolo-sign-in": SECRET}, is_secure=False) == SECRET


def test_a_sign_in_cookie_with_odd_characters_is_none():
    assert cookies.sign_in_secret({cookies.SIGN_IN_NAME: "x" * 20 + ";"}, is_secure=True) is None
    assert cookies.sign_in_secret({}, is_secure=True) is None


def test_frame_cookie_is_partitioned_and_for_foreign_pages():
    line = cookies.set_frame(cookies.FrameCookie(KEYS[1], 1700000000, SECRET), lifetime_seconds=9)
    assert line == (
        f"__Host-studiolo-frame-{KEYS[1]}=1700000000.{SECRET}; Path=/; Max-Age=9; "
        "HttpOnly; Secure; SameSite=None; Partitioned"
    )


def test_forgetting_a_frame_names_the_same_attributes():
    line = cookies.clear_frame(KEYS[1])
    assert line.startswith(f"__Host-studiolo-frame-{KEYS[1]}=; Path=/; Max-Age=0;")
    assert "Partitioned" in line


def test_frame_cookie_is_read_back():
    assert cookies.frame_cookie(_jar({KEYS[1]: 17}), KEYS[1]) == cookies.FrameCookie(KEYS[1], 17, SECRET)
    assert cookies.frame_cookie({cookies.FRAME_PREFIX + KEYS[1]: "rubbish"}, KEYS[1]) is None
    assert cookies.frame_cookie({}, KEYS[1]) is None


def test_eight_frames_are_kept():
    jar = _jar(dict.fromkeys(KEYS[:7], 100))
    assert cookies.surplus_frames(jar, KEYS[8]) == []


def test_the_oldest_frames_are_forgotten_first():
    jar = _jar({key: 100 + age for age, key in enumerate(KEYS[:10])})
    assert cookies.surplus_frames(jar, KEYS[11]) == KEYS[:3]


def test_signing_in_again_does_not_count_twice():
    jar = _jar(dict.fromkeys(KEYS[:8], 100))
    assert cookies.surplus_frames(jar, KEYS[0]) == []


def test_an_unreadable_frame_cookie_is_the_oldest():
    jar = _jar(dict.fromkeys(KEYS[:7], 100)) | {cookies.FRAME_PREFIX + KEYS[7]: "?"}
    assert cookies.surplus_frames(jar, KEYS[9]) == [KEYS[7]]


def test_cookies_of_others_are_left_alone():
    jar = {f"__Host-studiolo-frame-{number}": "1" for number in ("x; Path=/", "UPPER", "")} | {"other": "1"}
    assert cookies.surplus_frames(jar, KEYS[0]) == []
