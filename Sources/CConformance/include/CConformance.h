// The conformance suite as text, so that an installed uwrx can run it where there is no checkout.
#ifndef UWRX_CCONFORMANCE_H
#define UWRX_CCONFORMANCE_H

#pragma clang assume_nonnull begin

struct uwrx_conformance_file {
  // Below Fixtures/ or Conformance/ of the checkout.
  const char *name;
  // Ends with NUL, which no file contains.
  const char *text;
};

int uwrx_conformance_file_count(void);
const struct uwrx_conformance_file *uwrx_conformance_file(int index);

#pragma clang assume_nonnull end

#endif
