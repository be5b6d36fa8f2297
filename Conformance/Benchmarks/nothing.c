/* Returns at once: what `calls exec` executes. */
int main(void) { return 0; }
