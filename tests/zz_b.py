from test_page_11_words import *  # noqa
def test_x():
    app = finished(opened(PAGE, model="talker", **WORDS))
    app.session_state["tab"], app.session_state["prompt"] = "Two prompts", ""
    app.run()
    print("ERR0", "job:two prompts" in app.session_state, [e.value for e in app.error], [e.value for e in app.info])
    finished(app)
    print("ERR1", "job:two prompts" in app.session_state, "done:two prompts" in app.session_state, [e.value for e in app.error], [e.value for e in app.info], len(app.get("bidi_component")), [b.label for b in app.button])
    finished(app.run())
    print("ERR2", "job:two prompts" in app.session_state, "done:two prompts" in app.session_state, [e.value for e in app.error], len(app.get("bidi_component")))
    assert 0
