// Macros would reach for the linked library.
#define NCURSES_NOMACROS 1
#define NCURSES_WIDECHAR 1
#include "CNcurses.h"
#include <curses.h>
#include <dlfcn.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <wchar.h>

#define FUNCTIONS(X)                                                                                                    \
  X(newterm)                                                                                                            \
  X(delscreen)                                                                                                          \
  X(newwin)                                                                                                             \
  X(delwin)                                                                                                             \
  X(endwin)                                                                                                             \
  X(cbreak)                                                                                                             \
  X(noecho)                                                                                                             \
  X(nonl)                                                                                                               \
  X(keypad)                                                                                                             \
  X(nodelay)                                                                                                            \
  X(set_escdelay)                                                                                                       \
  X(wget_wch)                                                                                                           \
  X(has_colors)                                                                                                         \
  X(start_color)                                                                                                        \
  X(use_default_colors)                                                                                                 \
  X(init_pair)                                                                                                          \
  X(wattr_set)                                                                                                          \
  X(wmove)                                                                                                              \
  X(waddnwstr)                                                                                                          \
  X(wrefresh)                                                                                                           \
  X(clearok)                                                                                                            \
  X(curs_set)                                                                                                           \
  X(resizeterm)                                                                                                         \
  X(getmaxy)                                                                                                            \
  X(getmaxx)

static struct {
#define X(name) __typeof__(name) *name;
  FUNCTIONS(X)
#undef X
} curses;

static SCREEN *screen;
static WINDOW *window;
static int has_color;

int uwrx_terminal_load(void) {
  void *library = dlopen("libncursesw.so.6", RTLD_NOW | RTLD_LOCAL);
  if (!library) return -1;
#define X(name)                                                                                                         \
  if (!(curses.name = (__typeof__(name) *)dlsym(library, #name))) return -1;
  FUNCTIONS(X)
#undef X
  return 0;
}

static int open_window(void) {
  if (window) curses.delwin(window);
  window = curses.newwin(0, 0, 0, 0);
  if (!window) return -1;
  curses.keypad(window, TRUE);
  curses.nodelay(window, TRUE);
  curses.clearok(window, TRUE);
  return 0;
}

int uwrx_terminal_open(void) {
  // Signals are the caller's business: ncurses would set its own handlers where there is none.
  static const int handled[] = {SIGINT, SIGTERM, SIGTSTP, SIGWINCH};
  struct sigaction before[4];
  for (int i = 0; i < 4; i++) sigaction(handled[i], NULL, &before[i]);
  screen = curses.newterm(NULL, stdout, stdin);
  for (int i = 0; i < 4; i++) sigaction(handled[i], &before[i], NULL);
  if (!screen) return -1;
  curses.cbreak();
  curses.noecho();
  curses.nonl();
  // Long enough for the rest of a key over a slow line, short enough for a person who presses Escape.
  curses.set_escdelay(50);
  has_color = curses.has_colors() && curses.start_color() == OK;
  if (has_color) curses.use_default_colors();
  curses.curs_set(0);
  return open_window();
}

void uwrx_terminal_close(void) {
  if (!screen) return;
  // In the background the terminal would stop us for setting it as it was (tcsetattr(3)).
  signal(SIGTTOU, SIG_IGN);
  curses.curs_set(1);
  curses.endwin();
  if (window) curses.delwin(window);
  curses.delscreen(screen);
  window = NULL;
  screen = NULL;
}

void uwrx_terminal_suspend(void) {
  curses.curs_set(1);
  curses.endwin();
}

void uwrx_terminal_resume(void) {
  curses.clearok(window, TRUE);
  curses.wrefresh(window);
  curses.curs_set(0);
}

void uwrx_terminal_size(int *rows, int *width) {
  struct winsize size = {0};
  if (ioctl(1, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0) {
    if (size.ws_row != curses.getmaxy(window) || size.ws_col != curses.getmaxx(window)) {
      curses.resizeterm(size.ws_row, size.ws_col);
      open_window();
    }
  }
  *rows = window ? curses.getmaxy(window) : 0;
  *width = window ? curses.getmaxx(window) : 0;
}

int uwrx_terminal_has_colors(void) { return has_color; }

void uwrx_terminal_define_colors(int pair, int foreground, int background) {
  if (has_color) curses.init_pair((short)pair, (short)foreground, (short)background);
}

void uwrx_terminal_draw(int row, int column, const uint32_t *characters, size_t count, int pair, int attributes) {
  attr_t set = A_NORMAL;
  if (attributes & UWRX_BOLD) set |= A_BOLD;
  if (attributes & UWRX_DIM) set |= A_DIM;
  if (attributes & UWRX_REVERSE) set |= A_REVERSE;
  if (attributes & UWRX_UNDERLINE) set |= A_UNDERLINE;
  curses.wattr_set(window, set, has_color ? (short)pair : 0, NULL);
  if (curses.wmove(window, row, column) == OK) curses.waddnwstr(window, (const wchar_t *)characters, (int)count);
}

void uwrx_terminal_flush(int row, int column) {
  if (row >= 0) curses.wmove(window, row, column);
  curses.wrefresh(window);
  curses.curs_set(row >= 0);
}

void uwrx_terminal_forget(void) { curses.clearok(window, TRUE); }

int32_t uwrx_terminal_key(void) {
  static const struct {
    int code, key;
  } keys[] = {
      {KEY_UP, UWRX_KEY_UP},           {KEY_DOWN, UWRX_KEY_DOWN},     {KEY_LEFT, UWRX_KEY_LEFT},
      {KEY_RIGHT, UWRX_KEY_RIGHT},     {KEY_PPAGE, UWRX_KEY_PAGE_UP}, {KEY_NPAGE, UWRX_KEY_PAGE_DOWN},
      {KEY_HOME, UWRX_KEY_HOME},       {KEY_FIND, UWRX_KEY_HOME},     {KEY_END, UWRX_KEY_END},
      {KEY_SELECT, UWRX_KEY_END},      {KEY_DC, UWRX_KEY_DELETE},     {KEY_BACKSPACE, UWRX_KEY_BACKSPACE},
      {KEY_BTAB, UWRX_KEY_BACK_TAB},   {KEY_ENTER, UWRX_KEY_ENTER},   {KEY_F(1), UWRX_KEY_HELP},
  };
  wint_t key;
  int result = curses.wget_wch(window, &key);
  if (result == OK) return (int32_t)key;
  if (result != KEY_CODE_YES) return -1;
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
    if (keys[i].code == (int)key) return keys[i].key;
  }
  return UWRX_KEY_OTHER;
}

int uwrx_locale_is_utf8(void) {
  if (!setlocale(LC_CTYPE, "")) {
    // A locale that came with an ssh session need not be installed here; what the terminal takes is in its name.
    const char *name = getenv("LC_ALL");
    if (!name || !*name) name = getenv("LC_CTYPE");
    if (!name || !*name) name = getenv("LANG");
    if (name && (strcasestr(name, "utf-8") || strcasestr(name, "utf8"))) setlocale(LC_CTYPE, "C.UTF-8");
  }
  return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

int uwrx_character_width(uint32_t character) {
  static locale_t utf8;
  if (!utf8) utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
  if (!utf8) return character < 0x80 ? 1 : -1;
  locale_t previous = uselocale(utf8);
  int width = wcwidth((wchar_t)character);
  uselocale(previous);
  return width;
}
