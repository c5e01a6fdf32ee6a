/* Messages to the person, on standard error. Whatever is put into one (a server's text, a file's name) cannot
 * steer a terminal: what is not printable is shown as '?'. Secrets are never put into one. */
#ifndef NODE_CLI_SAY_H
#define NODE_CLI_SAY_H

/* "skerry: MESSAGE" and a newline. For what went wrong. */
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);

/* The message alone and a newline: what is worth knowing beside the result. */
__attribute__((format(printf, 1, 2))) void say_note(const char *format, ...);

/* End with exit code 1 for want of memory. A command holds nothing that must be put in order first. */
_Noreturn void say_no_memory(void);

/* `memory`, which is not NULL when this returns. */
void *say_need(void *memory);

#endif
