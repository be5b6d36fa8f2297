// A full-screen terminal by ncurses, loaded when it is asked for: linked, it would cost every run its start-up time.
#ifndef UWRX_CNCURSES_H
#define UWRX_CNCURSES_H

#include <stddef.h>
#include <stdint.h>

// What `uwrx_terminal_key` answers for a key that is no character.
enum uwrx_key {
  UWRX_KEY_UP = 0x110000,
  UWRX_KEY_DOWN,
  UWRX_KEY_LEFT,
  UWRX_KEY_RIGHT,
  UWRX_KEY_PAGE_UP,
  UWRX_KEY_PAGE_DOWN,
  UWRX_KEY_HOME,
  UWRX_KEY_END,
  UWRX_KEY_DELETE,
  UWRX_KEY_BACKSPACE,
  UWRX_KEY_BACK_TAB,
  UWRX_KEY_ENTER,
  UWRX_KEY_HELP,
  UWRX_KEY_OTHER,
};

enum uwrx_attribute { UWRX_BOLD = 1, UWRX_DIM = 2, UWRX_REVERSE = 4, UWRX_UNDERLINE = 8 };

// 0, or -1 if libncursesw.so.6 or one of its functions is missing. Before all others.
int uwrx_terminal_load(void);
// Takes the terminal of descriptors 0 and 1: 0, or -1 if ncurses does not know its type ($TERM).
int uwrx_terminal_open(void);
// Gives it back as it was found.
void uwrx_terminal_close(void);
// Between these two the terminal is as it was found.
void uwrx_terminal_suspend(void);
void uwrx_terminal_resume(void);
// Asks the terminal for its size.
void uwrx_terminal_size(int *_Nonnull rows, int *_Nonnull columns);
int uwrx_terminal_has_colors(void);
// Where it has colours: a foreground and a background of 0 to 7, or -1 for the terminal's own, by the number of a pair from 1.
void uwrx_terminal_define_colors(int pair, int foreground, int background);
// Characters that take one or two cells each.
void uwrx_terminal_draw(
    int row, int column, const uint32_t *_Nonnull characters, size_t count, int pair, int attributes);
// Shows what was drawn, with the cursor at a place or, if `row` is negative, hidden.
void uwrx_terminal_flush(int row, int column);
// Forgets what the terminal shows.
void uwrx_terminal_forget(void);
// The next key that was pressed: a character, a `uwrx_key`, or -1 if there is none.
int32_t uwrx_terminal_key(void);

// The process's character set as the environment says: 1 if it is UTF-8.
int uwrx_locale_is_utf8(void);
// The cells that a character takes: 0 to 2, or -1 if it cannot be shown.
int uwrx_character_width(uint32_t character);

#endif
