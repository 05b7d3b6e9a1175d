/* cmd.h -- the verbs of the command line, one function each. argv[0] is the verb's last word, options follow; returned is
 * the process's exit status. A verb prints its result on stdout and everything else on stderr. */
#ifndef CMD_CMD_H
#define CMD_CMD_H

int cmd_fhir_validate(int argc, char **argv); /* 0 all valid, 1 some are not, 2 wrong words or something unreadable */

#endif
